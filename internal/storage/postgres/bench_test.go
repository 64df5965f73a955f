package postgres_test

import (
	"testing"

	"github.com/sanmon-gate/sanmon/internal/storage/storagetest"
)

func BenchmarkStore(b *testing.B) { storagetest.Bench(b, openSchema(b, newSchema(b))) }
