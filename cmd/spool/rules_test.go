package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/gospool/spool/"
	root   = "../.."
)

// mayImport lists the packages of this module that a package may import, besides its own folder.
// The first matching line counts; /... matches all packages below.
var mayImport = []struct {
	from string
	to   []string
}{
	{"cmd/spool", []string{"cmd/spool/benchplay", "cmd/spool/export", "cmd/spool/logging", "cmd/spool/probe", "cmd/spool/progress", "cmd/spool/record", "cmd/spool/remux", "cmd/spool/server", "cmd/spool/server/outside", "api/auth", "configs",
		"sinks/metadata", "sinks/metadata/database", "sinks/mp4", "sinks/mp4/disk", "sinks/mp4/repair",
		"pipeline", "pipeline/bytesize", "pipeline/config", "pipeline/media", "pipeline/retained", "bench/...", "pipeline/wallclock"}}, // only the server may import the recorder
	{"cmd/spool/server", []string{"cmd/spool/server/declared", "cmd/spool/server/seen", "cmd/spool/server/timeshift", "cmd/spool/server/unmanaged", "cmd/spool/server/viewing", "api/...", "configs", "stages/...", "sinks/...", "pipeline/..."}},
	{"cmd/spool/probe", []string{"cmd/spool/progress", "pipeline", "pipeline/codec", "pipeline/codec/nalunit", "pipeline/config", "pipeline/endcause", "pipeline/isobmff", "pipeline/media",
		"sinks/mp4", "stages/hub", "stages/ingest/file"}},
	{"cmd/spool/benchplay", []string{"cmd/spool/progress", "bench/harness", "bench/play"}},
	{"cmd/spool/record", []string{"cmd/spool/logging", "pipeline", "pipeline/config", "pipeline/endcause", "pipeline/media", "pipeline/recorder", "pipeline/streampath", "sinks/mp4", "stages/hub"}},
	{"cmd/spool/remux", []string{"cmd/spool/newfile", "cmd/spool/progress", "pipeline", "pipeline/config", "pipeline/media", "stages/ingest/file"}},
	{"cmd/spool/export", []string{"cmd/spool/newfile", "cmd/spool/progress", "cmd/spool/server", "api/export/bundle", "api/export/manifest", "api/export/verify", "api/params", "configs", "pipeline", "pipeline/durable"}},
	{"cmd/spool/progress", []string{"cmd/spool/logging"}},
	{"cmd/spool/logging", []string{"configs", "pipeline/config"}},
	{"cmd/spool/server/seen", []string{"pipeline", "pipeline/durable", "pipeline/filesystem", "pipeline/media", "pipeline/streampath", "stages/hub"}},
	{"cmd/spool/server/declared", []string{"cmd/spool/server/unmanaged", "api", "api/auth", "configs", "sinks/metadata/database", "stages/hub", "pipeline", "pipeline/config", "pipeline/durable", "pipeline/filesystem", "pipeline/media", "pipeline/recorder", "pipeline/wallclock"}},
	{"cmd/spool/server/unmanaged", []string{"configs", "pipeline", "pipeline/config", "sinks/mp4/disk"}},
	{"cmd/spool/server/timeshift", []string{"api/playback/clip", "pipeline/isobmff", "pipeline/media", "stages/egress/cmaf"}},
	{"cmd/spool/server/viewing", []string{"api", "pipeline/media", "stages/clients", "stages/egress/...", "stages/hub", "stages/ingest"}},
	{"cmd/spool/server/outside", []string{"cmd/spool/server/unmanaged", "configs", "pipeline", "pipeline/certificate", "pipeline/config", "pipeline/filesystem", "sinks/mp4/disk"}},
	{"cmd/...", nil}, // only tests
	{"bench/...", []string{"stages/...", "sinks/...", "pipeline/...", "bench/..."}},
	{"stages/hub", []string{"pipeline/..."}},
	{"stages/clients", []string{"pipeline", "pipeline/media"}},
	{"stages/ingest", []string{"pipeline", "pipeline/codec", "pipeline/codec/nalunit", "pipeline/config", "pipeline/media", "pipeline/media/footage", "stages/clients", "stages/hub"}}, // no protocol
	{"stages/ingest/rtp", []string{"pipeline/codec/...", "pipeline/guard", "pipeline/media", "stages/ingest"}},
	{"stages/ingest/rtsp", []string{"pipeline/...", "stages/hub", "stages/ingest", "stages/clients", "stages/egress", "stages/egress/replay", "stages/egress/rtsp", "stages/ingest/rtp"}}, // one port receives and plays
	{"stages/ingest/rtmp", []string{"pipeline", "pipeline/certificate", "pipeline/codec", "pipeline/codec/ac3", "pipeline/codec/obu", "pipeline/config", "pipeline/endcause", "pipeline/isobmff", "pipeline/media", "pipeline/redact", "pipeline/sparinglog", "pipeline/streampath", "stages/hub", "stages/ingest", "stages/clients", "stages/ingest/rtp"}},
	{"stages/ingest/rtmp/...", nil}, // no media
	{"stages/ingest/httpclient", []string{"pipeline/certificate", "pipeline/config"}},
	{"stages/ingest/webrtc", []string{"pipeline", "pipeline/codec", "pipeline/config", "pipeline/endcause", "pipeline/media", "pipeline/media/live", "pipeline/redact", "pipeline/sparinglog", "stages/ingest/httpclient", "stages/hub", "stages/ingest", "stages/clients", "stages/egress", "stages/egress/rtp", "stages/egress/rtsp", "stages/ingest/rtp"}},
	{"stages/ingest/file", []string{"pipeline/...", "stages/hub", "stages/ingest", "stages/ingest/hls", "stages/ingest/mpegts"}},
	{"stages/ingest/httppull", []string{"pipeline", "stages/ingest/httpclient", "pipeline/config", "pipeline/endcause", "stages/hub", "stages/ingest/hls", "stages/ingest/mpegts"}},
	{"stages/ingest/hls", []string{"pipeline", "pipeline/codec", "pipeline/codec/adts", "pipeline/config", "pipeline/endcause", "pipeline/isobmff", "pipeline/media", "stages/hub", "stages/ingest", "stages/ingest/mpegts"}},
	{"stages/ingest/srt", []string{"pipeline", "pipeline/config", "pipeline/endcause", "pipeline/media", "pipeline/sparinglog", "pipeline/streampath", "stages/hub", "stages/ingest", "stages/clients", "stages/ingest/mpegts", "stages/ingest/srt/transport"}},
	{"stages/ingest/srt/transport", []string{"pipeline", "pipeline/guard"}},
	{"stages/ingest/exec", []string{"pipeline", "pipeline/codec", "pipeline/codec/nalunit", "pipeline/command", "pipeline/config", "pipeline/endcause", "pipeline/media", "stages/hub", "stages/ingest", "stages/ingest/mpegts"}},
	{"stages/ingest/mpegts", []string{"pipeline", "pipeline/codec", "pipeline/codec/ac3", "pipeline/codec/adts", "pipeline/endcause", "pipeline/guard", "pipeline/media", "pipeline/mpegts", "stages/hub", "stages/ingest"}},
	{"stages/ingest/mpegts/udp", []string{"pipeline", "pipeline/config", "pipeline/endcause", "pipeline/media", "pipeline/sparinglog", "pipeline/streampath", "stages/clients", "stages/hub", "stages/ingest", "stages/ingest/mpegts"}},
	{"stages/ingest/ingesttest", []string{"pipeline", "pipeline/codec", "pipeline/codec/nalunit", "pipeline/media"}},
	{"stages/ingest/ingesttest/feedtest", []string{"stages/ingest", "stages/ingest/ingesttest", "pipeline/codec", "pipeline/media"}},
	{"stages/ingest/...", []string{"pipeline/...", "stages/hub"}},
	{"stages/egress", []string{"pipeline", "pipeline/config", "pipeline/media", "pipeline/streampath", "stages/clients", "stages/hub"}}, // no protocol
	{"stages/egress/cmaf", []string{"pipeline", "pipeline/codec", "pipeline/isobmff", "pipeline/media", "pipeline/media/live", "stages/hub"}},
	{"stages/egress/fmp4", []string{"stages/egress", "stages/egress/cmaf"}},
	{"stages/egress/hls", []string{"pipeline", "stages/egress", "stages/egress/cmaf"}},
	{"stages/egress/rtp", []string{"pipeline/codec/...", "pipeline/media", "pipeline/media/live"}},
	{"stages/egress/rtsp", []string{"pipeline", "pipeline/media", "pipeline/media/live", "stages/clients", "stages/egress/rtp", "stages/hub"}},
	{"stages/egress/replay", []string{"pipeline", "pipeline/media", "pipeline/media/footage", "pipeline/media/live", "pipeline/streampath", "stages/clients", "stages/egress/rtp", "stages/egress/rtsp"}},
	{"stages/egress/egresstest", []string{"pipeline", "pipeline/endcause", "pipeline/media", "pipeline/pipelinetest", "stages/hub"}},
	{"stages/...", []string{"pipeline/...", "stages/hub"}}, // sources and pipelines meet in the hub
	{"sinks/mp4/disk", []string{"pipeline", "pipeline/durable", "pipeline/filesystem", "pipeline/media"}},
	{"sinks/mp4/repair", []string{"pipeline/codec", "pipeline/filesystem", "pipeline/isobmff", "pipeline/media", "sinks/mp4/disk"}},
	{"sinks/mp4/sampleindex", []string{"pipeline/durable", "pipeline/filesystem", "pipeline/isobmff", "pipeline/isobmff/index", "pipeline/media"}},
	{"sinks/mp4/facts", []string{"pipeline/durable", "pipeline/filesystem", "pipeline/media"}},
	{"sinks/mp4/filename", []string{"pipeline/filesystem", "pipeline/media"}},
	{"sinks/mpegts", []string{"pipeline", "pipeline/media", "pipeline/mpegts"}},
	{"sinks/metadata/row", []string{"pipeline/media"}},
	{"sinks/metadata/journal", []string{"pipeline/durable", "pipeline/filesystem", "pipeline/media"}},  // no database
	{"sinks/metadata/database", []string{"pipeline/durable", "pipeline/filesystem", "pipeline/media"}}, // no row
	{"sinks/footage", []string{"pipeline", "pipeline/media"}},                                          // the caller passes in the stores
	{"sinks/...", []string{"pipeline/..."}},                                                            // no sink imports another, nor a stage
	{"api/auth", []string{"pipeline", "pipeline/streampath"}},
	{"api/conn", []string{"api/auth"}},
	{"api/forwarded", nil},
	{"api/playback", []string{"pipeline/media", "pipeline/streampath"}},
	{"api/playback/browsertest", nil},
	{"api/playback/clip", []string{"api/playback", "pipeline/filesystem", "pipeline/isobmff", "pipeline/isobmff/index", "pipeline/media", "sinks/mp4/sampleindex"}},
	{"api/playback/movie", []string{"api/playback", "api/playback/clip", "pipeline/isobmff", "pipeline/isobmff/index", "pipeline/media"}},
	{"api/playback/mpegts", []string{"api/playback/clip", "api/playback/movie", "pipeline/codec", "pipeline/media", "pipeline/mpegts"}},
	{"api/playback/play", []string{"api/playback", "api/playback/clip", "api/playback/movie", "api/playback/mpegts"}},
	{"api/playback/units", []string{"api/playback", "api/playback/clip", "pipeline/codec", "pipeline/isobmff", "pipeline/media", "pipeline/media/footage"}},
	{"api/playback/mediamtx", []string{"api/playback", "api/playback/clip", "api/playback/movie", "api/playback/play", "pipeline/endcause", "pipeline/media", "pipeline/streampath"}},
	{"api/playback/still", []string{"api/playback", "api/playback/clip", "pipeline/isobmff", "pipeline/media"}},
	{"api/playback/timeline", []string{"api/coverage", "api/playback", "api/playback/clip", "pipeline/isobmff", "pipeline/media"}},
	{"api/export", []string{"api/export/bundle", "api/export/manifest", "pipeline", "pipeline/durable", "pipeline/media"}},
	{"api/export/bundle", []string{"api/export/manifest", "pipeline/media", "pipeline/streampath"}},
	{"api/export/manifest", []string{"pipeline/durable"}},
	{"api/export/verify", []string{"api/export/bundle", "api/export/manifest"}},
	{"api/export/recorded", []string{"api/export/bundle", "api/playback", "api/playback/clip", "api/playback/movie", "api/playback/mpegts", "api/playback/play", "pipeline/media"}},
	{"api/export/exporttest", []string{"api/export/bundle", "pipeline/media"}},
	{"api/playback/hls", []string{"api/playback", "api/playback/clip", "api/playback/movie", "pipeline/codec", "pipeline/isobmff", "pipeline/media"}},
	{"api/playback/hls/hlscheck", []string{"pipeline/isobmff", "pipeline/media"}},
	{"api/coverage", []string{"pipeline/media"}},
	{"api/body", []string{"pipeline/config"}},
	{"api/params", []string{"pipeline/config"}},
	{"api/scrub", []string{"pipeline/config"}},
	{"api/metrics", []string{"pipeline", "pipeline/media", "pipeline/recorder"}},
	{"api/openapi", []string{"pipeline/media"}},
	{"api", []string{"pipeline", "pipeline/config", "pipeline/media", "pipeline/recorder", "pipeline/retained", "pipeline/guard", "pipeline/certificate", "pipeline/streampath", "pipeline/wallclock"}}, // the caller passes in its implementations
	{"configs", []string{"pipeline", "pipeline/config", "pipeline/recorder", "pipeline/streampath"}},
	{"pipeline/pipelinetest", []string{"pipeline/..."}},
	{"pipeline/config", []string{"pipeline/guard"}},
	{"pipeline/guard", nil},
	{"pipeline/endcause", nil},
	{"pipeline/certificate", []string{"pipeline/filesystem"}},
	{"pipeline/streampath", nil},
	{"pipeline/redact", nil},
	{"pipeline/wallclock", []string{"pipeline"}},
	{"pipeline/sparinglog", nil},
	{"pipeline/media", []string{"pipeline/crc32c"}},
	{"pipeline/media/live", []string{"pipeline/media"}},
	{"pipeline/crc32c", nil},
	{"pipeline/retained", []string{"pipeline/media", "pipeline/wallclock"}},
	{"pipeline/durable", []string{"pipeline/filesystem"}},
	{"pipeline/filesystem", []string{"pipeline/bytesize"}},
	{"pipeline/bytesize", nil},
	{"pipeline/media/footage", []string{"pipeline/media"}},
	{"pipeline/isobmff", []string{"pipeline/media"}},
	{"pipeline/isobmff/index", []string{"pipeline/isobmff", "pipeline/media"}},
	{"pipeline/isobmff/isobmfftest", []string{"pipeline/isobmff"}},
	{"pipeline/codec", []string{"pipeline/codec/...", "pipeline/media", "pipeline/isobmff"}},
	{"pipeline/mpegts", []string{"pipeline/codec", "pipeline/codec/adts", "pipeline/codec/mpeg4visual", "pipeline/codec/nalunit", "pipeline/media"}},
	{"pipeline/codec/bitstream", nil},
	{"pipeline/codec/nalunit", []string{"pipeline/media"}},
	{"pipeline/codec/...", []string{"pipeline/codec/bitstream", "pipeline/codec/nalunit", "pipeline/guard"}},      // not the registered codecs
	{"pipeline/recorder", []string{"pipeline", "pipeline/endcause", "pipeline/streampath", "pipeline/wallclock"}}, // no media
	{"pipeline", []string{"pipeline/config", "pipeline/guard", "pipeline/endcause"}},                              // neither media nor access control
}

// rooms lists the packages that other folders may import of a folder. Of a folder without an
// entry they may import all packages.
var rooms = map[string][]string{
	"sinks/metadata/database": nil,
	"sinks/metadata/row":      {"sinks/metadata/database"}, // the limits of its columns
	"sinks/metadata/journal":  {"sinks/metadata/row"},
}

// onlyIn lists the libraries that only one part of the program may import; /... includes all
// packages below.
var onlyIn = map[string]string{
	"github.com/reugn/go-streams":         "pipeline",
	"go.yaml.in/yaml/v4":                  "pipeline/config",
	"github.com/abema/go-mp4":             "pipeline/isobmff",
	"github.com/uptrace/bun":              "sinks/metadata/...",
	"modernc.org/sqlite":                  "sinks/metadata/database",
	"modernc.org/libc":                    "sinks/metadata/database",
	"github.com/julienschmidt/httprouter": "api",
	"github.com/knadh/koanf":              "configs",
	"github.com/alecthomas/kong":          "cmd/spool",
	"github.com/go-co-op/gocron":          "pipeline/recorder",
	"github.com/datarhei/gosrt":           "stages/ingest/srt/transport",
}

// onlyFrom lists the packages that fewer packages may import than mayImport says.
var onlyFrom = map[string][]string{
	"pipeline/retained": {"cmd/...", "api", "sinks/retention"},
	"pipeline/recorder": {"cmd/...", "api/...", "configs", "bench/..."}, // stages and sinks do not import the recorder
}

type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
}

// packages returns the packages of this module, with the imports of their non-test files.
func packages(t *testing.T) (out []listed) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Imports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	require.NoError(t, err, "%s", &stderr)
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else {
			require.NoError(t, err)
		}
		if strings.HasPrefix(p.ImportPath, module) {
			p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
			out = append(out, p)
		}
	}
}

// packageOf returns the path of the package in a selector, under whatever name its file imports
// it. It returns "" for a selector of a variable or of a field.
func packageOf(f *ast.File, s *ast.SelectorExpr) string {
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, i := range f.Imports {
		imported := strings.Trim(i.Path.Value, "\"")
		if i.Name == nil && path.Base(imported) == x.Name || i.Name != nil && i.Name.Name == x.Name {
			return imported
		}
	}
	return ""
}

func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

func matches(pkg, pattern string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		return within(pkg, dir)
	}
	return pkg == pattern
}

func TestImportsFollowTheDesign(t *testing.T) {
	all := packages(t)
	require.NotEmpty(t, all)
	for _, p := range all {
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, module); ok && !allowed(p.ImportPath, own) {
				t.Errorf("%s may not import %s", p.ImportPath, own)
			}
			for library, part := range onlyIn {
				if within(imported, library) && !matches(p.ImportPath, part) && !within(p.ImportPath, "bench") {
					t.Errorf("%s may not import %s: that is for %s", p.ImportPath, imported, part)
				}
			}
			if p.ImportPath == "pipeline/media" && strings.Contains(imported, ".") && !within(imported, "golang.org/x/sys") && imported != module+"pipeline/crc32c" {
				t.Errorf("pipeline/media may import the standard library, golang.org/x/sys and pipeline/crc32c only, not %s", imported)
			}
		}
	}
}

// mayImport allows only the imports that exist: an entry that no package uses any longer must be
// removed.
func TestNoUnusedImportIsAllowed(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		at := slices.IndexFunc(mayImport, func(r struct {
			from string
			to   []string
		}) bool {
			return matches(p.ImportPath, r.from)
		})
		if at < 0 {
			continue
		}
		rule := mayImport[at]
		used[rule.from] = true
		for _, imported := range p.Imports {
			own, ok := strings.CutPrefix(imported, module)
			if ok {
				used["package "+own] = true
			}
			for _, to := range rule.to {
				used[rule.from+" "+to] = used[rule.from+" "+to] || ok && matches(own, to)
			}
			for library, part := range onlyIn {
				used["library "+library] = used["library "+library] || within(imported, library) && matches(p.ImportPath, part)
			}
		}
	}
	for _, rule := range mayImport {
		if !used[rule.from] && rule.to != nil {
			t.Errorf("package %s does not exist", rule.from)
		}
		for _, to := range rule.to {
			if !used[rule.from+" "+to] {
				t.Errorf("%s imports no %s", rule.from, to)
			}
		}
	}
	for library := range onlyIn {
		if !used["library "+library] {
			t.Errorf("nothing imports %s", library)
		}
	}
	for own := range onlyFrom {
		if !used["package "+own] {
			t.Errorf("nothing imports %s", own)
		}
	}
}

// The compiler forbids import cycles of packages. The parts of the program have no cycles
// either: each imports only parts below it.
func TestPartsHaveNoImportCycles(t *testing.T) {
	below := map[string]map[string]bool{}
	for _, p := range packages(t) {
		from := part(p.ImportPath)
		if below[from] == nil {
			below[from] = map[string]bool{}
		}
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, module); ok && part(own) != from {
				below[from][part(own)] = true
			}
		}
	}
	require.Greater(t, len(below), 8)
	var walk func(at string, way []string)
	walk = func(at string, way []string) {
		if n := slices.Index(way, at); n >= 0 {
			t.Errorf("a circle: %s", strings.Join(append(way[n:], at), " -> "))
			return
		}
		for next := range below[at] {
			walk(next, append(way, at))
		}
		below[at] = nil // all its imports are visited
	}
	for at := range below {
		walk(at, nil)
	}
}

// A stage checks access by an interface of its own. It imports, also indirectly, neither the API
// nor the package that assembles the program.
func TestNoStageKnowsTheAPI(t *testing.T) {
	imports := map[string][]string{}
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, module); ok {
				imports[p.ImportPath] = append(imports[p.ImportPath], own)
			}
		}
		if within(p.ImportPath, "stages") && imports[p.ImportPath] == nil {
			imports[p.ImportPath] = []string{}
		}
	}
	require.Contains(t, imports, "stages/egress")
	for from := range imports {
		if !within(from, "stages") {
			continue
		}
		seen, next := map[string]bool{}, []string{from}
		for len(next) > 0 {
			at := next[0]
			if next = next[1:]; seen[at] {
				continue
			}
			seen[at] = true
			require.False(t, within(at, "api") || within(at, "cmd") || within(at, "configs"), "%s knows %s", from, at)
			next = append(next, imports[at]...)
		}
	}
}

// part returns the folder at the top, or the subfolder where a top folder holds several parts.
func part(pkg string) string {
	names := strings.Split(pkg, "/")
	if len(names) > 1 && slices.Contains([]string{"sinks", "cmd"}, names[0]) {
		return strings.Join(names[:2], "/")
	}
	return names[0]
}

func allowed(from, to string) bool {
	if known, ok := rooms[from]; ok && within(to, folder(from)) {
		return slices.Contains(known, to)
	}
	if from != "pipeline" && !within(from, "cmd/spool") && within(to, folder(from)) { // the packages below these two are not parts of them
		return true
	}
	if users, ok := onlyFrom[to]; ok && !slices.ContainsFunc(users, func(pattern string) bool { return matches(from, pattern) }) {
		return false
	}
	for _, rule := range mayImport {
		if matches(from, rule.from) {
			return slices.ContainsFunc(rule.to, func(pattern string) bool { return matches(to, pattern) })
		}
	}
	return false
}

// folder returns the part of the program that a package belongs to: one sink, one protocol, or
// the package itself.
func folder(pkg string) string {
	depth := map[string]int{"sinks": 2, "stages/ingest": 3}
	for above, n := range depth {
		if parts := strings.Split(pkg, "/"); within(pkg, above) && len(parts) > n {
			return strings.Join(parts[:n], "/")
		}
	}
	return pkg
}

// Only package pipeline starts goroutines, so that each has an owner that waits for it and
// catches its panics. Tests and benchmarks start their own.
func TestGoroutinesAreStartedByTheFrameworkOnly(t *testing.T) {
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "pipeline" || within(dir, "bench") || strings.HasSuffix(dir, "test") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s: go statement outside package pipeline: use pipeline.Tasks", fset.Position(g.Pos()))
			}
			return true
		})
	})
}

// The server runs everything concurrent. Package main has verbs, flags and the log's format: it
// shares no state and needs no lock.
func TestPackageMainSharesNothing(t *testing.T) {
	lines, files := 0, 0
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		if filepath.ToSlash(filepath.Dir(path)) != "cmd/spool" {
			return
		}
		files++
		lines += fset.File(f.Pos()).LineCount()
		for _, i := range f.Imports {
			if i.Path.Value == `"sync"` || i.Path.Value == `"sync/atomic"` {
				t.Errorf("%s: %s: shared state belongs in cmd/spool/server", fset.Position(i.Pos()), i.Path.Value)
			}
		}
	})
	require.NotZero(t, files)
	require.Less(t, lines, 2000, "verbs have become more than that")
}

// A test of a whole recorder passes in a clock, and the whole recorder uses it: the server has
// no other clock, and the parts have none except in the listed files.
func TestTheServerUsesTheClockThatItIsGiven(t *testing.T) {
	const (
		socket   = "deadlines of connections and contexts are the system's"
		handedIn = "is the default for tests that pass no clock; the server passes one"
		unique   = "makes a unique name"
		measured = "measures a duration, and decides nothing by the date"
		theClock = "defines the clock that is passed in"
	)
	own := map[string]string{
		"cmd/spool/server/declared/compile.go": "for pullers that are built and never run",
		"cmd/spool/server/commands.go":         socket,
		"api/answer.go":                        socket,
		"api/health.go":                        socket,
		"api/page.go":                          socket,
		"api/playback/send.go":                 socket,
		"api/playback/hls/serve.go":            socket,
		"api/server.go":                        handedIn,
		"api/auth/hashing.go":                  measured,
		"stages/hub/hub.go":                    handedIn,
		"stages/ingest/mpegts/demuxer.go":      handedIn,
		"stages/ingest/hls/slow.go":            socket,
		"stages/ingest/unit.go":                measured,
		"sinks/metadata/catalogue.go":          handedIn,
		"sinks/metadata/database/lock.go":      "waits for another process",
		"sinks/metadata/place.go":              unique,
		"sinks/mp4/disk/identity.go":           unique,
		"pipeline/filesystem/lock.go":          "compares with the time of a file, which is the system's",
		"pipeline/filesystem/probe.go":         unique,
		"pipeline/sparinglog/log.go":           measured,
		"pipeline/recorder/cron.go":            "the library wants some time to check an expression",
		"pipeline/clock.go":                    theClock,
	}
	rooms := map[string]string{ // below these, arriving media is dated and connections end
		"api/conn":                    socket,
		"stages/ingest/rtsp":          socket,
		"stages/ingest/rtmp":          socket,
		"stages/ingest/httppull":      socket,
		"stages/ingest/mpegts/udp":    socket,
		"stages/ingest/srt/transport": socket,
	}
	real := []string{
		"pipeline.SystemClock", "time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker", "time.Tick", "time.Sleep",
	}
	seen := map[string]bool{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		dir := filepath.ToSlash(filepath.Dir(path))
		below := func(part string) bool { return within(dir, part) }
		if !slices.ContainsFunc([]string{"cmd/spool/server", "api", "stages", "sinks", "pipeline"}, below) || strings.HasSuffix(dir, "test") {
			return
		}
		for room := range rooms {
			if below(room) {
				seen[room] = true
				return
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			clock := packageOf(f, s)
			clock = clock[strings.LastIndexByte(clock, '/')+1:] + "." + s.Sel.Name
			if !slices.Contains(real, clock) {
				return true
			}
			if seen[path] = true; own[path] == "" {
				t.Errorf("%s: %s: use the clock that is passed in", fset.Position(n.Pos()), clock)
			}
			return true
		})
	})
	for _, list := range []map[string]string{own, rooms} {
		for path := range list {
			require.True(t, seen[path], "%s needs no exception any more: remove it from the list", path)
		}
	}
}

// A larger package is several ones: its parts are easier to find under names of their own. The
// forms of one file for several platforms, with the suffixes _linux, _unix, _other and so on,
// count as one.
func TestNoPackageHasMoreThanThirtyFiles(t *testing.T) {
	const most = 30
	files := map[string]map[string]bool{}
	eachFile(t, func(path string, _ *token.FileSet, _ *ast.File) {
		dir, name := filepath.ToSlash(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".go")
		if files[dir] == nil {
			files[dir] = map[string]bool{}
		}
		files[dir][platform.ReplaceAllString(name, "")] = true
	})
	for dir, names := range files {
		if len(names) > most {
			t.Errorf("%s has %d files without its tests, at most %d", dir, len(names), most)
		}
	}
}

// platform matches the end of the name of a file for some platforms.
var platform = regexp.MustCompile(`_(linux|unix|bsd|darwin|freebsd|windows|other)$`)

// Only package guard recovers panics. Callbacks on gortsplib's goroutines must return a response
// after a panic, which a function that returns cannot.
func TestPanicsAreCaughtInOnePlace(t *testing.T) {
	own := []string{"pipeline/guard/guard.go", "stages/ingest/rtsp/handler.go", "stages/ingest/rtsp/session.go"}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		if slices.Contains(own, filepath.ToSlash(path)) {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "recover" {
					t.Errorf("%s: recover: use guard.Call", fset.Position(n.Pos()))
				}
			}
			return true
		})
	})
}

// The suffix of a growing file's name is written in one place.
func TestTheSuffixOfGrowingFilesIsWrittenOnce(t *testing.T) {
	var places []string
	eachFile(t, func(path string, _ *token.FileSet, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if within(dir, "bench") || strings.HasSuffix(dir, "test") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && strings.HasSuffix(strings.Trim(l.Value, "\"`"), ".part") {
				places = append(places, filepath.ToSlash(path))
			}
			return true
		})
	})
	require.Equal(t, []string{"pipeline/media/recording.go"}, places)
}

// The binary is static.
func TestNoCgo(t *testing.T) {
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		for _, i := range f.Imports {
			if i.Path.Value == `"C"` {
				t.Errorf("%s: cgo", fset.Position(i.Pos()))
			}
		}
	})
}

// sourceFile is a parsed file; its path is relative to the root.
type sourceFile struct {
	path string
	fset *token.FileSet
	ast  *ast.File
}

// sources returns all non-test files, parsed once.
var sources = sync.OnceValues(func() (all []sourceFile, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		all = append(all, sourceFile{rel, fset, f})
		return err
	})
	return all, err
})

func eachFile(t *testing.T, look func(path string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	all, err := sources()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, s := range all {
		look(s.path, s.fset, s.ast)
	}
}

// Readers find packages by the folders. The top directory therefore holds nothing else.
func TestTheTopDirectoryHoldsOnlyListedEntries(t *testing.T) {
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	known := []string{
		"README.md", "LICENSE", "Makefile", "go.mod", "go.sum", // and dotfiles
		"cmd", "configs", "pipeline", "stages", "sinks", "api", "bench",
		"spool", "recordings", "config.yaml", // of make build and a run; git ignores them
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(known, name) {
			t.Errorf("%s does not belong at the top", name)
		}
	}
}
