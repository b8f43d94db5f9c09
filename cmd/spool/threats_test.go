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

// TestEveryDefenceIsProved checks that each item of the list of threats names existing tests.
func TestEveryDefenceIsProved(t *testing.T) {
	tests := testsOfTheModule(t)
	items := strings.Split(readFile(t, "api/THREATS.md"), "\n- ")[1:]
	for _, item := range items {
		named := proof.FindAllStringSubmatch(item, -1)
		require.NotEmpty(t, named, "no test is named: %s", item)
		for _, n := range named {
			require.Contains(t, tests, n[1], "a named test does not exist: %s", item)
		}
	}
	require.Greater(t, len(items), 30)
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
