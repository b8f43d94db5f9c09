package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
)

// A comment at the field or the declaration of each lock names the data that the lock protects.
func TestLocksDocumentTheProtectedData(t *testing.T) {
	locks := map[string]int{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if within(dir, "bench") || strings.HasSuffix(dir, "test") || dir == "sinks/mp4/powercut" {
			return
		}
		check := func(as string, of ast.Expr, comments ...*ast.CommentGroup) {
			if !isLock(f, of) {
				return
			}
			locks[as]++
			for _, c := range comments {
				if c.Text() != "" {
					return
				}
			}
			t.Errorf("%s: add a comment that names the data that the lock guards", fset.Position(of.Pos()))
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StructType:
				for _, field := range n.Fields.List {
					as := "field"
					if len(field.Names) == 0 {
						as = "embedded"
					}
					check(as, field.Type, field.Doc, field.Comment)
				}
			case *ast.GenDecl:
				for _, spec := range n.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && v.Type != nil {
						check("variable", v.Type, n.Doc, v.Doc, v.Comment)
					}
				}
			}
			return true
		})
	})
	require.Greater(t, locks["field"], 30)
	require.NotZero(t, locks["embedded"])
	require.NotZero(t, locks["variable"])
}

// isLock reports whether a type is a mutex, under whatever name a file imports package sync.
func isLock(f *ast.File, of ast.Expr) bool {
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	s, ok := of.(*ast.SelectorExpr)
	return ok && (s.Sel.Name == "Mutex" || s.Sel.Name == "RWMutex") && packageOf(f, s) == "sync"
}

// renaming lists the files that rename or link a file, and why package durable does not do it
// for them.
var renaming = map[string]string{
	"pipeline/filesystem/calls.go":       "makes the call, for those below",
	"pipeline/filesystem/calls_linux.go": "the same",
	"pipeline/filesystem/calls_unix.go":  "the same",
	"api/export/run.go":                  "a directory gets its final name when its files are synced",
	"sinks/mp4/disk/dir.go":              "a recording, for publish.go and copy.go",
	"pipeline/filesystem/lock.go":        "a lock is taken by it",
	"pipeline/filesystem/own_linux.go":   "the calls that package durable makes",
	"pipeline/filesystem/own_other.go":   "the same",
	"pipeline/filesystem/probe.go":       "tries what a file system can do",
	"sinks/mp4/disk/publish.go":          "a recording, which takes no name from another file",
	"sinks/mp4/repair/copy.go":           "a repaired copy, the same",
	"sinks/mp4/repair/watch.go":          "hands the call on",
	"sinks/retention/expiry_wait.go":     "not synced: what is lost is waited for again",
	"sinks/metadata/database/rescue.go":  "a database is exchanged for its copy",
	"cmd/spool/newfile/move.go":          "the file of another run is not to be replaced",
}

// making lists the files that create a file, and why package durable does not do it for them.
var making = map[string]string{
	"pipeline/filesystem/nofollow_linux.go": "opens what its callers say",
	"pipeline/filesystem/nofollow_other.go": "the same",
	"pipeline/filesystem/lock.go":           "a lock, which a power cut ends",
	"pipeline/filesystem/lock_path.go":      "the same",
	"pipeline/filesystem/own.go":            "the calls that package durable makes",
	"pipeline/filesystem/probe.go":          "tries what a file system can do",
	"pipeline/filesystem/probe_names.go":    "the same",
	"pipeline/filesystem/scratch.go":        "the same",
	"pipeline/filesystem/shared.go":         "the same",
	"sinks/mp4/disk/dir.go":                 "a recording, which grows",
	"sinks/mpegts/stage.go":                 "not synced: a copy can be made again",
	"sinks/mp4/facts/lock.go":               "a lock, which has no bytes",
	"sinks/metadata/journal/disk.go":        "a journal, which grows",
	"sinks/metadata/database/rescue.go":     "a database is exchanged for its copy",
	"sinks/retention/expiry_wait.go":        "not synced: what is lost is waited for again",
	"cmd/spool/export/command.go":           "not synced: an export can be made again",
}

// Package durable writes all files that must survive a power cut.
func TestFilesAreReplacedInOnePlace(t *testing.T) {
	renames := []string{"Rename", "Renameat", "Renameat2", "RenameNew", "Link", "Linkat", "Symlink"}
	found := map[string]map[string]string{"makes": {}, "renames": {}}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		dir := filepath.ToSlash(filepath.Dir(path))
		if within(dir, "bench") || strings.HasSuffix(dir, "test") || dir == "sinks/mp4/powercut" || dir == "pipeline/durable" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch of := packageOf(f, s); {
			case slices.Contains(renames, s.Sel.Name) && (of == "" || of == "os" || strings.HasSuffix(of, "sys/unix") || of == "syscall"):
				found["renames"][path] = renaming[path]
			case s.Sel.Name == "WriteFile", s.Sel.Name == "CreateTemp", of == "os" && s.Sel.Name == "Create", s.Sel.Name == "O_CREATE", s.Sel.Name == "O_CREAT":
				found["makes"][path] = making[path]
			}
			return true
		})
	})
	require.Equal(t, renaming, found["renames"], "use durable.Replace, or add the file with a reason")
	require.Equal(t, making, found["makes"], "use durable.Replace, or add the file with a reason")
}

// leading lists the files that open a path of spool's own as the system does, including links,
// and why.
var leading = map[string]string{
	"cmd/spool/server/open.go":          "a record directory, which the operator leads where he likes",
	"sinks/mp4/stage.go":                "the same",
	"sinks/metadata/database/rescue.go": "syncs a directory that is led to by a database's name",
}

// spool opens its own files without following links, which another user may have planted: by
// durable.Below, and not by a durable.Disk of the whole machine.
func TestSpoolsOwnFilesAreOpenedWithoutFollowingLinks(t *testing.T) {
	found := map[string]string{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			made, ok := n.(*ast.CompositeLit)
			if !ok || len(made.Elts) > 0 {
				return true
			}
			if s, ok := made.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Disk" && strings.HasSuffix(packageOf(f, s), "/pipeline/durable") {
				found[filepath.ToSlash(path)] = leading[filepath.ToSlash(path)]
			}
			return true
		})
	})
	require.Equal(t, leading, found, "use durable.Below, or add the file with a reason")
}

// notStages lists, by file, names of stages that mean something else there, or that declare a
// pipeline.
var notStages = map[string][]string{
	"configs/watched.go":                        {"mp4"}, // the block
	"configs/warnings.go":                       {"mp4"},
	"cmd/spool/settings.go":                     {"mp4"},
	"api/playback/play/player.go":               {"mp4"}, // the format
	"cmd/spool/server/declared/need_restart.go": {"mp4"},
	"cmd/spool/server/declared/declared.go":     {"mp4"},
	"cmd/spool/bench.go":                        {"mp4"},                                // the format
	"cmd/spool/probe/readfile.go":               {"mp4"},                                // the format
	"cmd/spool/probe/table.go":                  {"source"},                             // a label
	"cmd/spool/remux/plan.go":                   {"segmenter", "mp4", "mpegts", "null"}, // a pipeline of its own
	"cmd/spool/record/plan.go":                  {"source", "segmenter", "mp4", "null"},
	"pipeline/registry.go":                      {"source"},   // the kind
	"pipeline/media/codec.go":                   {"metadata"}, // the kind
	"pipeline/config/write.go":                  {"null"},     // YAML's value
	"pipeline/config/schema.go":                 {"null"},     // JSON Schema's type
	"api/openapi/schema.go":                     {"null"},
	"api/moments.go":                            {"mp4"}, // the format
}

// A stage declares its properties at its registration, by types, traits and tags. No other code
// knows a stage by its name.
func TestNoCodeKnowsAStageByItsName(t *testing.T) {
	names := map[string]bool{}
	for _, s := range pipeline.Stages() {
		names[s.Name] = s.Name != "file" && s.Name != "live" // everyday words
	}
	require.Subset(t, slices.Collect(maps.Keys(names)), []string{"source", "gop_ring", "segmenter", "tee", "exec", "mp4", "metadata", "webhook"})
	used := map[string][]string{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		if within(path, "stages") || within(path, "sinks") || within(path, "bench") || strings.HasSuffix(filepath.Dir(path), "test") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(l.Value)
			switch {
			case err != nil || !names[text]:
			case !slices.Contains(notStages[path], text):
				t.Errorf("%s: %q is a stage: ask for a trait, or for what a setting means", fset.Position(n.Pos()), text)
			case !slices.Contains(used[path], text):
				used[path] = append(used[path], text)
			}
			return true
		})
	})
	for path, words := range notStages {
		require.ElementsMatch(t, words, used[path], "%s: exceptions that are none any more", path)
	}
}

// exampleURL matches the URL of a camera in messages and in the reference.
var exampleURL = regexp.MustCompile(`rtsps?://10\.0\.0\.\d/stream1`)

// namesOfProtocols lists the files that may name a protocol: those with the settings of a pull
// that only one scheme has.
var namesOfProtocols = map[string]int{"configs/config.go": 1}

// No other code knows a server of ingest: a new protocol is one package, and one line in the
// program's parts.
func TestNoCodeKnowsAProtocolByItsName(t *testing.T) {
	names := slices.Collect(maps.Keys(configs.Default().Ingest.Servers))
	require.Contains(t, names, "rtsp")
	used := map[string]int{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		if !within(path, "configs") && !within(path, "cmd/spool/server") && !within(path, "api") || path == "cmd/spool/server/parts.go" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			text := ""
			switch n := n.(type) {
			case *ast.BasicLit:
				text = exampleURL.ReplaceAllString(n.Value, "")
			case *ast.Ident:
				text = n.Name
			}
			text = strings.ToLower(text)
			if within(path, "api") { // package mpegts there writes files of this form
				text = strings.ReplaceAll(text, "mpegts", "")
			}
			if slices.ContainsFunc(names, func(name string) bool { return strings.Contains(text, name) }) {
				if used[path]++; used[path] > namesOfProtocols[path] {
					t.Errorf("%s: %s: what all servers have in common package ingest knows", fset.Position(n.Pos()), text)
				}
			}
			return true
		})
	})
	require.Equal(t, namesOfProtocols, used, "exceptions that are none any more")
	text, err := os.ReadFile(filepath.Join(root, "configs/default.yaml"))
	require.NoError(t, err)
	for _, name := range names {
		require.NotContains(t, string(text), name, "the defaults of a server stand in its own package")
	}
}

// No code finds settings with a meaning by their keys.
func TestNoCodeFindsSettingsWithAMeaningByTheirKeys(t *testing.T) {
	keys := map[string]bool{}
	for _, s := range pipeline.Stages() {
		for _, m := range []pipeline.Meaning{pipeline.ListOfStages, pipeline.RecordDirectory, pipeline.FilePattern} {
			for _, path := range s.Paths(m) {
				for _, key := range strings.Split(path, "/") {
					keys[key] = key != "*"
				}
			}
		}
	}
	require.True(t, keys["branches"] && keys["stages"] && keys["record_path"] && keys["filename_pattern"])
	own := map[string][]string{
		"configs/check.go":   {"record_path", "filename_pattern", "stages"}, // of the mp4 block and of a pipeline
		"configs/limits.go":  {"stages"},                                    // of a pipeline
		"configs/resolve.go": {"stages"},
		"configs/show.go":    {"stages"}, // of a pipeline

		"cmd/spool/server/declared/judge.go": {"stages"}, // of a pipeline
		"cmd/spool/settings.go":              {"record_path"},
		"cmd/spool/remux/plan.go":            {"record_path", "filename_pattern"}, // of a pipeline of its own
		"cmd/spool/record/plan.go":           {"record_path", "filename_pattern"},
		"cmd/spool/server/ready.go":          {"record_path"}, // a check's name
		"cmd/spool/server/health.go":         {"record_path"},
		"pipeline/meaning.go":                {"stages"}, // defines the meaning
	}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		if !within(path, "cmd") && !within(path, "configs") && !within(path, "pipeline") && !within(path, "api") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil && keys[text] && !slices.Contains(own[path], text) {
					t.Errorf("%s: %q is a setting of a stage: ask for what it means", fset.Position(n.Pos()), text)
				}
			}
			return true
		})
	})
}

// byZeros lists the files in which a large round number is not a number of nanoseconds.
var byZeros = map[string]string{
	"pipeline/config/size.go":        "bytes",
	"pipeline/bytesize/bytesize.go":  "bytes",
	"pipeline/pipelinetest/media.go": "a date",
	"bench/movie/movie.go":           "a date",
	"bench/harness/matrix.go":        "bit/s",
	"bench/play/options.go":          "bit/s",
}

// A time in nanoseconds is written by package time's units, so that readers need not count
// zeros.
func TestTimesAreWrittenByTheirUnits(t *testing.T) {
	used := map[string]bool{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		ast.Inspect(f, func(n ast.Node) bool {
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.INT && l.Kind != token.FLOAT || strings.HasPrefix(l.Value, "0x") {
				return true
			}
			value, err := strconv.ParseFloat(strings.ReplaceAll(l.Value, "_", ""), 64)
			if err != nil || value == 0 || math.Mod(value, 100e6) != 0 {
				return true
			}
			if used[path] = true; byZeros[path] == "" {
				t.Errorf("%s: %s: is it %s?", fset.Position(n.Pos()), l.Value, time.Duration(value))
			}
			return true
		})
	})
	for path := range byZeros {
		require.True(t, used[path], "%s: this exception is not needed any more", path)
	}
}

// A name shows its package.
func TestNoPackageIsImportedWithoutItsName(t *testing.T) {
	eachFile(t, func(_ string, fset *token.FileSet, f *ast.File) {
		for _, i := range f.Imports {
			if i.Name != nil && i.Name.Name == "." {
				t.Errorf("%s: %s: readers cannot see which package its names belong to", fset.Position(i.Pos()), i.Path.Value)
			}
		}
	})
}

// A variable with the name of a predeclared identifier misleads.
func TestNoVariableShadowsAPredeclaredIdentifier(t *testing.T) {
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		check := func(names ...*ast.Ident) {
			for _, name := range names {
				if types.Universe.Lookup(name.Name) != nil {
					t.Errorf("%s: %s is a name of the language", fset.Position(name.Pos()), name.Name)
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					if name, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
						check(name)
					}
				}
			case *ast.ValueSpec:
				check(n.Names...)
			case *ast.FuncDecl:
				if n.Recv == nil {
					check(n.Name)
				} else if len(n.Recv.List[0].Names) > 0 {
					check(n.Recv.List[0].Names...)
				}
			case *ast.TypeSpec:
				check(n.Name)
			case *ast.FuncType:
				for _, list := range []*ast.FieldList{n.TypeParams, n.Params, n.Results} {
					if list != nil {
						for _, field := range list.List {
							check(field.Names...)
						}
					}
				}
			case *ast.RangeStmt:
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if name, ok := e.(*ast.Ident); ok {
						check(name)
					}
				}
			}
			return true
		})
	})
}
