package still

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program makes a shell script that takes the place of ffmpeg.
func program(t *testing.T, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the script is for a shell of Unix")
	}
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return path
}

const patience = time.Minute

func TestTooManyPicturesAreRefused(t *testing.T) {
	d := NewDecoder(program(t, `printf '\377\330\377x'`), 1)
	for range decodeWait {
		d.waiting <- struct{}{}
	}
	_, err := d.JPEG(t.Context(), strings.NewReader("x"), 0)
	require.ErrorIs(t, err, ErrOverloaded)
	<-d.waiting
	out, err := d.JPEG(t.Context(), strings.NewReader("x"), 0)
	require.NoError(t, err)
	require.Equal(t, "\xff\xd8\xffx", string(out))
	require.Len(t, d.waiting, decodeWait-1, "a place is free again")
	d.running <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.JPEG(ctx, strings.NewReader("x"), 0)
	require.ErrorIs(t, err, context.Canceled, "a client that hangs up waits no longer")
}

// The program of a client that hangs up is killed, and JPEG returns when it has ended. The e2e tests let one run until
// its time is over.
func TestAProgramThatDoesNotEndIsStopped(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	d := NewDecoder(program(t, "echo $$ > "+pidFile+".new; mv "+pidFile+".new "+pidFile+"; exec sleep 600"), 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := d.JPEG(ctx, strings.NewReader("x"), 0)
		ended <- err
	}()
	var pid int
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(pidFile)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	}, patience, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	process, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.ErrorIs(t, process.Signal(syscall.Signal(0)), os.ErrProcessDone)
	require.Empty(t, d.running)
}

func TestFFmpegGetsOnlyThePicture(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SPOOL_HTTP__AUTH", "secret")
	t.Setenv("TZ", "Europe/Berlin")
	d := NewDecoder(program(t, "env > "+dir+"/env; echo \"$@\" > "+dir+"/args; cat > "+dir+"/in; printf '\\377\\330\\377'"), 1)
	_, err := d.JPEG(t.Context(), strings.NewReader("the picture"), 320)
	require.NoError(t, err)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(text)
	}
	require.Equal(t, "the picture", read("in"))
	require.NotContains(t, read("env"), "secret")
	require.Contains(t, read("env"), "TZ=Europe/Berlin")
	require.Contains(t, read("args"), "-protocol_whitelist pipe -f mov -i pipe:0 ")
	require.Contains(t, read("args"), "scale=320:-2")
}

// Whatever the program does, the caller gets an error with the beginning of the program's words, and no more bytes than
// the bound.
func TestAProgramThatMakesNoJPEG(t *testing.T) {
	for script, text := range map[string]string{
		"echo wrong >&2; exit 3": "exit status 3: wrong",
		"exit 0":                 "its output is no JPEG",
		"printf PNG":             "its output is no JPEG",
		"yes":                    "the JPEG has more than 16777216 bytes",
	} {
		_, err := NewDecoder(program(t, script), 1).JPEG(t.Context(), strings.NewReader("x"), 0)
		var failed *DecodeError
		require.True(t, errors.As(err, &failed), "%s: %v", script, err)
		require.ErrorContains(t, err, text, script)
		require.LessOrEqual(t, len(failed.Output), 1024)
	}
	_, err := NewDecoder(filepath.Join(t.TempDir(), "none"), 1).JPEG(t.Context(), strings.NewReader("x"), 0)
	var missing *NotInstalledError
	require.True(t, errors.As(err, &missing), "%v", err)
}
