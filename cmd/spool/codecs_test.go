package main

import (
	"go/ast"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
)

// codecRows lists the tables of the protocols, with a row for each codec, and the generators of
// media. All other files use package codec.
var codecRows = []string{
	"pipeline/codec/", "stages/ingest/rtp/codecs.go", "stages/egress/rtp/codecs.go", "stages/egress/rtp/g711.go", "stages/ingest/webrtc/codecs.go", "stages/ingest/rtmp/codecs.go", "stages/ingest/mpegts/codecs.go", "stages/ingest/hls/codecs.go", "stages/ingest/exec/codecs.go",
	"pipeline/mpegts/codecs.go", "stages/ingest/ingesttest/",
	"pipeline/pipelinetest/", "stages/ingest/testpattern/", "stages/ingest/rtsp/rtsptest/", "bench/", // generators
}

// A codec is one file in package codec and a row in the table of each protocol. No other code
// decides by the codec.
func TestOnlyProtocolsUseNamedCodecs(t *testing.T) {
	codecs := map[string]bool{}
	eachFile(t, func(path string, _ *token.FileSet, f *ast.File) {
		if filepath.ToSlash(filepath.Dir(path)) != "pipeline/codec" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 {
				return true
			}
			if call, ok := v.Values[0].(*ast.CallExpr); ok {
				if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "Register" {
					codecs[v.Names[0].Name] = true
				}
			}
			return true
		})
	})
	require.Subset(t, slices.Collect(maps.Keys(codecs)), []string{"H264", "H265", "AAC"})
	used := map[string]bool{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		row := slices.IndexFunc(codecRows, func(r string) bool { return path == r || strings.HasSuffix(r, "/") && strings.HasPrefix(path, r) })
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || !codecs[s.Sel.Name] {
				return true
			}
			if of := packageOf(f, s); of != module+"pipeline/codec" && of != module+"pipeline/media" {
				return true
			}
			if row < 0 {
				t.Errorf("%s: %s.%s outside of a protocol's table: ask package codec", fset.Position(n.Pos()), s.X, s.Sel.Name)
			} else {
				used[codecRows[row]] = true
			}
			return true
		})
	})
	require.True(t, used["stages/ingest/rtp/codecs.go"], "the table has moved")
}

// No other code decides by a codec's name, the type of its sample entry or the box of its
// configuration.
func TestOnlyProtocolsSpellCodecNames(t *testing.T) {
	words := map[string]bool{}
	for _, c := range codec.All() {
		for _, word := range append([]string{c.Name, c.Title, c.Brand, c.Entry.Config}, c.Entry.Types...) {
			words[strings.ToLower(word)] = true
		}
	}
	delete(words, "")
	require.Subset(t, slices.Collect(maps.Keys(words)), []string{"h264", "hvc1", "hev1", "avcc", "mp4a", "esds"})
	boxes := "pipeline/isobmff/" // writes the boxes of the configurations
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		if within(filepath.Dir(path), strings.TrimSuffix(boxes, "/")) ||
			slices.ContainsFunc(codecRows, func(r string) bool { return path == r || strings.HasSuffix(r, "/") && strings.HasPrefix(path, r) }) {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, err := strconv.Unquote(l.Value)
				word, _, _ := strings.Cut(strings.ToLower(text), ".") // also for avc1.64001f
				if err == nil && words[word] {
					t.Errorf("%s: %q outside of a protocol's table: ask package codec", fset.Position(n.Pos()), text)
				}
			}
			return true
		})
	})
}

// byHand lists the files outside of package isobmff that put numbers into boxes: spool's own
// fields, which no standard defines, the seal of a chunk, and the flags of a profile, which RFC
// 6381 has in reverse order.
var byHand = []string{"pipeline/codec/h265.go", "sinks/mp4/entry.go", "sinks/mp4/events.go", "sinks/mp4/gaps.go", "sinks/mp4/seal.go"}

// otherFormats lists the packages that put numbers into other formats than boxes: records of the
// journal, packets, bit streams, transport streams, words of a checksum. Packages beside and below them are not included.
var otherFormats = []string{"sinks/metadata", "sinks/metadata/database", "sinks/metadata/journal", "stages/egress/egresstest", "stages/egress/rtp", "stages/ingest/mpegts", "stages/ingest/mpegts/udp", "stages/ingest/rtp", "stages/ingest/rtmp/flv", "stages/ingest/rtmp/wire", "stages/ingest/rtsp", "stages/ingest/rtsp/client", "stages/ingest/srt/transport",
	"stages/ingest/rtsp/rtsptest", "pipeline/codec", "pipeline/codec/h264", "pipeline/codec/nalunit", "pipeline/crc32c", "pipeline/media", "pipeline/mpegts"}

// Each box is read and written in one place.
func TestBoxesAreReadAndWrittenInOnePlace(t *testing.T) {
	var found []string
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		imports := map[string]bool{}
		for _, i := range f.Imports {
			imports[strings.Trim(i.Path.Value, "\"")] = true
		}
		if within(path, "pipeline/isobmff") || within(path, "bench") {
			return
		}
		boxes := imports[module+"pipeline/isobmff"]
		if within(path, "stages/ingest/testpattern") || !boxes && slices.Contains(otherFormats, filepath.ToSlash(filepath.Dir(path))) {
			return
		}
		number := imports["encoding/binary"]
		ast.Inspect(f, func(n ast.Node) bool {
			if b, ok := n.(*ast.BinaryExpr); ok && (b.Op == token.SHL || b.Op == token.SHR) {
				if l, ok := b.Y.(*ast.BasicLit); ok && (l.Value == "24" || l.Value == "56") { // a number that is written byte by byte
					number = true
				}
			}
			return true
		})
		if number {
			found = append(found, path)
		}
	})
	require.ElementsMatch(t, byHand, found, "use the fields and the writer of package isobmff")
}
