package main

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// named matches a setting as messages name it: http.hosts, or http/hosts.
var named = regexp.MustCompile(`(?:^|[^\w./@{-])([a-z0-9]+(?:_[a-z0-9]+)*(?:[./][a-z0-9]+(?:_[a-z0-9]+)*)+)`)

// notSettings look like settings and are not.
var notSettings = map[string]bool{
	"mp4/vod": true, "mp4/pipelines": true, // of URLs
}

// knownSettings returns the blocks and settings by path, and those of the stages by name.
func knownSettings(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	add := func(prefix string, of any) {
		_, docs := config.Describe(of)
		for path := range docs {
			keys := config.SplitPath(prefix + path)
			for n := range keys {
				known[strings.Join(keys[:n+1], ".")] = true
			}
		}
	}
	reference := filepath.Join(t.TempDir(), "reference.yaml")
	require.NoError(t, os.WriteFile(reference, configs.Reference(configs.Stages()), 0o600))
	c, err := configs.Load(configs.Options{File: reference})
	require.NoError(t, err)
	add("", c)
	for _, s := range pipeline.Stages() {
		if s.Kind == pipeline.KindOutput { // its name is the begin of many a stream's path
			continue
		}
		known[s.Name] = true
		add(s.Name+"/", s.Defaults)
	}
	return known
}

// A setting that a message or a hint names exists, so that an operator can set it.
func TestSettingsThatAreNamedExist(t *testing.T) {
	known := knownSettings(t)
	require.True(t, known["http.hosts"] && known["ingest.rtsp.udp"] && known["gop_ring.max_bytes"], "%v", known)
	seen := 0
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		if within(path, "bench") || strings.HasSuffix(filepath.Dir(path), "test") {
			return
		}
		imports := map[*ast.BasicLit]bool{}
		for _, i := range f.Imports {
			imports[i.Path] = true
		}
		ast.Inspect(f, func(n ast.Node) bool {
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING || imports[l] {
				return true
			}
			text, err := strconv.Unquote(l.Value)
			if err != nil {
				return true
			}
			for _, setting := range settingsIn(text, known) {
				if seen++; !known[setting] {
					t.Errorf("%s: setting %s does not exist", fset.Position(l.Pos()), setting)
				}
			}
			return true
		})
	})
	require.Greater(t, seen, 40)
}

// settingsIn returns the settings that a text names below a block or a stage.
func settingsIn(text string, known map[string]bool) (out []string) {
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		setting := strings.ReplaceAll(m[1], "/", ".")
		block, _, _ := strings.Cut(setting, ".")
		if known[block] && !notSettings[m[1]] {
			out = append(out, setting)
		}
	}
	return out
}

func TestSettingsAreFoundInTexts(t *testing.T) {
	known := map[string]bool{"http": true, "mp4": true, "http.hosts": true}
	require.Equal(t, []string{"http.hosts", "http.nothing", "mp4.record_path"}, settingsIn("add it to http.hosts, or http/nothing (mp4.record_path). See /mp4/vod, x.mp4, a/http.x, {stream}.mp4", known))
}
