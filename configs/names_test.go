package configs

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/streampath"
)

// The documented rule of names is the rule of the code.
func TestTheRuleOfNamesIsDocumented(t *testing.T) {
	_, docs := config.Describe(Config{})
	require.Contains(t, docs["streams"], streampath.Rule)
	page, err := os.ReadFile("../api/README.md")
	require.NoError(t, err)
	require.Contains(t, strings.Join(strings.Fields(string(page)), " "), streampath.Rule)
}

// A command that spool runs may be spool itself: the variables for it are no settings.
func TestVariablesOfCommandsAreNoSettings(t *testing.T) {
	environ := []string{"SPOOL_MP4__RECORD_PATH=/data"}
	for _, name := range config.CommandVariables {
		environ = append(environ, name+"=x")
	}
	require.Equal(t, environ[:1], settingsOf(environ))
}
