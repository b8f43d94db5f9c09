package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A kept declaration that this program does not understand is said before
// anything is started: without it something would silently not be recorded.
func TestBrokenKeptFileIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"clips: {stages: [sorce]}":     "did you mean source?",
		"clips: [":                     "not YAML",
		"'a b': {stages: [source]}":    "a pipeline's name is",
		"clips: {stages: [source: 1]}": "source",
	} {
		record := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(record, ".spool-pipelines.yaml"), []byte(text), 0o600))
		code, _, errs := spool(t, "", "--record-path", record, "--http-listen", "127.0.0.1:0", "--rtsp-listen", "")
		require.Equal(t, exitUsage, code, text)
		require.Contains(t, errs, want, text)
		require.Contains(t, errs, ".spool-pipelines.yaml", text)
	}
}
