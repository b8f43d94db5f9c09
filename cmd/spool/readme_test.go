package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryCommandOfTheReadme runs the README's sh blocks as a newcomer would,
// from top to bottom: `sh serve` blocks go on in the background, the others must
// succeed. The program's own ports are used, as they are there.
func TestEveryCommandOfTheReadme(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	dir := t.TempDir()
	spool := filepath.Join(dir, "spool")
	out, err := exec.Command("go", "build", "-o", spool, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)

	ran := 0
	for _, b := range blocks(string(text), "sh") {
		script := strings.ReplaceAll(b.text, "go run ./cmd/spool", spool)
		ran++
		if b.serve {
			serve(t, dir, script)
			continue
		}
		cmd := shell(dir, "set -e\n"+script)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", b.text, out)
	}
	require.GreaterOrEqual(t, ran, 5)
}

type block struct {
	text  string
	serve bool
}

// TestEveryConfigurationOfTheReadme is taken as it stands.
func TestEveryConfigurationOfTheReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	all := blocks(string(text), "yaml")
	require.GreaterOrEqual(t, len(all), 5)
	shortened := strings.NewReplacer("$argon2id$...", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "sha256:...", "sha256:"+strings.Repeat("0a", 32))
	for _, b := range all {
		code, out, problems := spool(t, shortened.Replace(b.text), "check")
		require.Equal(t, exitOK, code, "%s%s%s", b.text, out, problems)
	}
}

func blocks(markdown, language string) []block {
	var out []block
	parts := strings.Split(markdown, "```")
	for i := 1; i < len(parts); i += 2 {
		info, text, _ := strings.Cut(parts[i], "\n")
		if lang, rest, _ := strings.Cut(info, " "); lang == language {
			out = append(out, block{text, rest == "serve"})
		}
	}
	return out
}

func shell(dir, script string) *exec.Cmd {
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// serve runs a command until the test ends, and ends it as Ctrl-C does.
func serve(t *testing.T, dir, script string) {
	t.Helper()
	cmd := shell(dir, "exec "+strings.TrimSpace(script))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	program := strings.Fields(script)[0]
	t.Cleanup(func() {
		require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
		err := cmd.Wait()
		if filepath.Base(program) == "spool" {
			require.NoError(t, err, "%s", out.String())
		}
	})
	if filepath.Base(program) == "spool" {
		awaitReady(t, &out)
	}
}

func awaitReady(t *testing.T, out fmt.Stringer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/healthz", nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			return
		}
		require.NoError(t, ctx.Err(), "spool does not come up: %v\n%s", err, out)
		time.Sleep(20 * time.Millisecond) // nothing to await: the port is not there yet
	}
}
