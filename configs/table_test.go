package configs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
)

var update = flag.Bool("update", false, "write testdata/bad.golden anew; then read every line of it")

// TestBrokenConfigurationsAreRefused compares the errors of each broken file with a golden file, so that the messages
// are reviewed as the user sees them.
func TestBrokenConfigurationsAreRefused(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 30)
	var got strings.Builder
	for _, file := range files {
		c, err := configs.Load(configs.Options{File: file})
		require.Error(t, err, file)
		require.Nil(t, c, file)
		require.NotContains(t, err.Error(), "s3", "a message shows a password")
		for line := range strings.SplitSeq(err.Error(), "\n") {
			require.Regexp(t, `^testdata/bad/\w+\.yaml:\d+:\d+: `, line)
		}
		fmt.Fprintf(&got, "%s\n\n", err)
	}
	const golden = "testdata/bad.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

func TestGoodConfigurationsAreTaken(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	whole := 0
	for _, file := range files {
		c, err := configs.Load(configs.Options{File: file})
		require.NoError(t, err, file)
		require.Equal(t, file, c.File)

		// The shown text is a configuration with the same meaning.
		shown := filepath.Join(t.TempDir(), "shown.yaml")
		require.NoError(t, os.WriteFile(shown, c.Show(), 0o644))
		again, err := configs.Load(configs.Options{File: shown})
		if left := strings.Count(strings.Join(values(c)[2:], "\n"), "xxxxx") + strings.Count(strings.Join(values(c)[2:], "\n"), "…"); left > 0 { // then the text names the omitted values, and is otherwise right
			require.True(t, strings.HasPrefix(string(c.Show()), "# Not the whole configuration"), file)
			require.Equal(t, left, strings.Count(err.Error(), "write the value itself"), "%v\n%s", err, c.Show())
			require.Equal(t, left, strings.Count(err.Error(), "\n")+1, err)
			continue
		}
		require.NoError(t, err, "%s", c.Show())
		require.Equal(t, values(c), values(again), file)
		whole++
	}
	require.Positive(t, whole)
}

// values returns the shown configuration without the origins of its values.
func values(c *configs.Config) (lines []string) {
	for line := range strings.SplitSeq(string(c.Show()), "\n") {
		line, _, _ = strings.Cut(line, "  # ")
		lines = append(lines, line)
	}
	return lines
}
