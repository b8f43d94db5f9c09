package logging

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/codec"
)

func human(t *testing.T, level slog.Level, colour bool) (*slog.Logger, func() string) {
	t.Helper()
	var out bytes.Buffer
	return slog.New(newHumanHandler(&out, level, colour)), func() string {
		lines := strings.SplitAfter(out.String(), "\n")
		for i, l := range lines {
			if len(l) > 12 && l[2] == ':' && l[8] == '.' {
				lines[i] = "TIME" + l[12:]
			}
		}
		return strings.Join(lines, "")
	}
}

func TestHumanLogLinesAreAligned(t *testing.T) {
	log, got := human(t, slog.LevelInfo, false)
	log.Debug("not shown")
	log.Info("recording", "stream", "live/a", "file", "a b.mp4", "took", 1500*time.Millisecond)
	log.With("task", "x").WithGroup("g").Warn("odd", "n", 1, slog.Group("in", "k", "v"), "empty", "", "bad", "a\x1b[31m\n")
	log.Error("plain")
	require.Equal(t, `TIME INFO  recording                stream=live/a file="a b.mp4" took=1.5s
TIME WARN  odd                      task=x g.n=1 g.in.k=v g.empty="" g.bad="a\x1b[31m\n"
TIME ERROR plain
`, got())
}

func TestAStackFollowsItsLine(t *testing.T) {
	log, got := human(t, slog.LevelInfo, false)
	log.Error("task failed", "error", errors.New("boom"), "stack", "goroutine 1\n\tmain.go:1\n")
	require.Equal(t, "TIME ERROR task failed              error=boom\n    stack:\n      goroutine 1\n      \tmain.go:1\n", got())
}

func TestColourIsForTerminalsOnly(t *testing.T) {
	log, got := human(t, slog.LevelDebug, true)
	log.Warn("hot", "k", "v")
	require.Contains(t, got(), "\x1b[33mWARN \x1b[0m")
	require.True(t, noColour([]string{"NO_COLOR=1"}))
	require.True(t, noColour([]string{"TERM=dumb"}))
	require.False(t, noColour([]string{"NO_COLOR=", "TERM=xterm"}))
}

func TestNoLogFormShowsASecret(t *testing.T) {
	for _, format := range []string{"human", "json"} {
		var out bytes.Buffer
		log := New(configs.Log{Level: "info", Format: format}, &out, nil)
		log.Info("pull", "url", "rtsp://admin:s3cret@10.0.0.5/x", "error", errors.New("dial rtsp://admin:s3cret@10.0.0.5/x?token=s3cret"))
		log.With("dsn", "postgres://u:s3cret@h/d").Info("catalogue")
		require.NotContains(t, out.String(), "s3cret", format)
		require.Contains(t, out.String(), "10.0.0.5", format)
	}
}

func TestLogsAreJSONOutsideOfATerminal(t *testing.T) {
	var out bytes.Buffer
	New(configs.Log{Level: "warn", Format: "auto"}, &out, nil).Warn("x")
	require.Contains(t, out.String(), `"level":"WARN","msg":"x"`)
	require.False(t, New(configs.Log{Level: "error"}, &out, nil).Enabled(context.Background(), slog.LevelWarn))
}

// The handler keeps the rules of slog handlers.
func TestHumanHandlerIsASlogHandler(t *testing.T) {
	var out bytes.Buffer
	h := newHumanHandler(&out, slog.LevelDebug, false)
	require.NoError(t, slogtest.TestHandler(h, func() (records []map[string]any) {
		for line := range strings.SplitSeq(strings.TrimSpace(out.String()), "\n") {
			records = append(records, parseHuman(line))
		}
		return records
	}))
}

func parseHuman(line string) map[string]any {
	record := map[string]any{}
	fields := strings.Fields(line)
	if strings.Count(fields[0], ":") == 2 {
		record[slog.TimeKey], fields = fields[0], fields[1:]
	}
	record[slog.LevelKey], record[slog.MessageKey] = fields[0], fields[1]
	for _, f := range fields[2:] {
		key, value, _ := strings.Cut(f, "=")
		at := record
		names := strings.Split(key, ".")
		for _, group := range names[:len(names)-1] {
			if at[group] == nil {
				at[group] = map[string]any{}
			}
			at = at[group].(map[string]any)
		}
		at[names[len(names)-1]] = value
	}
	return record
}

type trafficLight uint8

func (trafficLight) String() string { return "red" }

// Both forms of the log name an enumeration's value instead of its number.
func TestEnumerationsAreLoggedByName(t *testing.T) {
	for _, format := range []string{"human", "json"} {
		var out bytes.Buffer
		New(configs.Log{Format: format}, &out, nil).Info("x", "light", trafficLight(2), "signal", syscall.SIGTERM, "codec", codec.H264, "n", 2)
		for _, want := range []string{"red", "terminated", "h264"} {
			require.Contains(t, out.String(), want, format)
		}
	}
}
