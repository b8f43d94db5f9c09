package recorder_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/recorder"
)

// A log names each list of changes, and leaves out the empty ones.
func TestChangesAreNamedInALog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("x", "pipelines", recorder.Changes{Added: []string{"b"}, Changed: []string{"c", "d"}}, "streams", recorder.Changes{})
	require.Contains(t, out.String(), `msg=x pipelines.added=[b] pipelines.changed="[c d]"`+"\n")
}
