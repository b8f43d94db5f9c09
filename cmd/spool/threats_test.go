package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	proof    = regexp.MustCompile("`(Test\\w+)`")
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestEveryDefenceIsProved: each row of the table of threats names tests, and they are there.
func TestEveryDefenceIsProved(t *testing.T) {
	text, err := os.ReadFile("../../api/README.md")
	require.NoError(t, err)
	_, threats, found := strings.Cut(string(text), "\n## Threats\n")
	require.True(t, found)
	threats, _, _ = strings.Cut(threats, "\n## ")
	tests := testsOfTheModule(t)
	rows := 0
	for line := range strings.Lines(threats) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| asset") {
			continue
		}
		rows++
		named := proof.FindAllStringSubmatch(line, -1)
		require.NotEmpty(t, named, "no test is named: %s", line)
		for _, n := range named {
			require.Contains(t, tests, n[1], "there is no such test: %s", line)
		}
	}
	require.NotZero(t, rows)
}

func testsOfTheModule(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		for _, m := range testFunc.FindAllSubmatch(text, -1) {
			tests[string(m[1])] = true
		}
		return err
	}))
	return tests
}
