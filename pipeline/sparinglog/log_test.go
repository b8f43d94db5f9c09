package sparinglog

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLinesAreBoundedByMinute(t *testing.T) {
	var l quota
	for range LinesAMinute {
		left, room := l.take(time.Minute)
		require.True(t, room)
		require.Zero(t, left)
	}
	for range 7 {
		_, room := l.take(2*time.Minute - 1)
		require.False(t, room)
	}
	left, room := l.take(2 * time.Minute)
	require.True(t, room)
	require.EqualValues(t, 7, left, "the next line says how many there were")
}

// Loggers that are derived from one logger share its limit, whatever attributes and groups they have.
func TestLogsThatAreMadeOfOneShareItsRoom(t *testing.T) {
	var book bytes.Buffer
	log := New(slog.New(slog.NewTextHandler(&book, nil)))
	for range 5 * LinesAMinute {
		log.With("a", 1).WithGroup("g").Warn("refused", "b", 2)
	}
	require.Equal(t, LinesAMinute, strings.Count(book.String(), "msg=refused a=1 g.b=2\n"))
	handler := log.Handler().(handler)
	handler.quota.minute -= time.Minute
	log.Warn("refused")
	require.Contains(t, book.String(), "not_logged_before=240")
}
