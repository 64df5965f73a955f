package storage

import (
	"strconv"
	"strings"
)

// placeholders writes "($first, $first+1, …)" with n entries.
func placeholders(b *strings.Builder, first, n int) {
	for i := range n {
		if i == 0 {
			b.WriteByte('(')
		} else {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	b.WriteByte(')')
}
