package config

import "slices"

// contains is slices.Contains for the tables of this package.
func contains(list []string, s string) bool { return slices.Contains(list, s) }

// Nearest returns the word that s is most likely a slip of, or "".
func Nearest(s string, words []string) string {
	if len(s) > 64 {
		return ""
	}
	best, least := "", 2 // one slip in a short word, two in one of five letters, three in a long one
	if len(s) >= 5 {
		least++
	}
	if len(s) >= 9 {
		least++
	}
	for _, w := range words {
		if d := distance(s, w); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours between a and b (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
