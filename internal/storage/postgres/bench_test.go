package postgres_test

import (
	"testing"

	"github.com/sanmon-gate/sanmon/internal/storage/storagetest"
)

func BenchmarkStore(b *testing.B) { storagetest.Bench(b, openSchema(b, newSchema(b))) }

// BenchmarkAudited: an audited change should take at most 1.5 times the same change without.
func BenchmarkAudited(b *testing.B) { storagetest.BenchAudited(b, openSchema(b, newSchema(b))) }
