package postgres_test

import (
	"testing"

	"github.com/sanmon-gate/sanmon/internal/storage/storagetest"
)

func BenchmarkStore(b *testing.B) { storagetest.Bench(b, openSchema(b, newSchema(b))) }

func BenchmarkAudited(b *testing.B) {
	b.Run("with", func(b *testing.B) { storagetest.BenchAudited(b, openSchema(b, newSchema(b)), false) })
	b.Run("without", func(b *testing.B) { storagetest.BenchAudited(b, openSchema(b, newSchema(b)), true) })
}
