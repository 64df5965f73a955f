package csrf

import "strings"

// Carries reports whether a body of that type may have the token's field, so that
// its beginning has to be read.
func Carries(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.Trim(media, " \t")
	return strings.EqualFold(media, "application/x-www-form-urlencoded") || strings.EqualFold(media, "multipart/form-data")
}
