package pipeline_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The Go code of the README is part of an example, which is compiled and run.
func TestGoOfTheReadmeIsThatOfTheExamples(t *testing.T) {
	var examples string
	for _, name := range []string{"example_test.go", "example_stage_test.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		examples += string(text)
	}
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)\n```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.GreaterOrEqual(t, len(blocks), 2)
	for _, b := range blocks {
		require.True(t, strings.Contains(examples, b[1]), "no example has\n%s", b[1])
	}
}
