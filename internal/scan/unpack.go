package scan

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// unpack opens what a compressed file holds, in for another file. Of what comes out no more
// is read than of any file, and neither does it take more memory: a bomb costs what a
// large file does.
func unpack(name string, in io.Reader) (io.ReadCloser, error) {
	switch unpacked(name) {
	case ".gz":
		return gzip.NewReader(bufio.NewReader(in))
	case ".bz2":
		return io.NopCloser(bzip2.NewReader(bufio.NewReader(in))), nil
	case ".zst":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxFile))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(in), nil
}

// unpacked is the ending of a name whose file is unpacked, empty for others.
func unpacked(name string) string {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".gz", ".bz2", ".zst":
		return ext
	case ".tgz":
		return ".gz"
	case ".tbz2":
		return ".bz2"
	case ".zstd", ".tzst":
		return ".zst"
	}
	return ""
}

// packed counts files whose contents are hidden in a form that is not unpacked, by ending.
type packed map[string]int

func (p packed) add(name string) {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".xz", ".txz", ".lzma", ".7z", ".zip", ".rar", ".lz4", ".lz", ".lzo", ".br", ".sz", ".z", ".jar", ".war", ".ear", ".whl", ".egg", ".apk", ".cab":
		p[ext]++
	}
}

// note says once for a tree what was not unpacked, empty when there is nothing to say.
func (p packed) note(root string) string {
	var kinds []string
	for _, ext := range slices.Sorted(maps.Keys(p)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", p[ext], ext))
	}
	if kinds == nil {
		return ""
	}
	return fmt.Sprintf("%s: what is packed in %s (unpack it and scan that; .gz, .bz2 and .zst are unpacked)", shownPath(root), strings.Join(kinds, ", "))
}
