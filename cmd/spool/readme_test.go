package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryCommandOfTheReadme runs the README's sh blocks as a newcomer would,
// from top to bottom: `sh serve` blocks go on in the background, the others must
// succeed. The program listens on free ports instead of its own, which another may
// have: the environment tells it, and the commands behind it name those.
func TestEveryCommandOfTheReadme(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	dir := t.TempDir()
	spool := filepath.Join(dir, "spool")
	out, err := exec.Command("go", "build", "-o", spool, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)

	ran, own := 0, strings.NewReplacer("go run ./cmd/spool", spool)
	for _, b := range blocks(string(text), "sh") {
		script := own.Replace(b.text)
		ran++
		if b.serve {
			if api, rtsp := serve(t, dir, script); api != "" {
				own = strings.NewReplacer("go run ./cmd/spool", spool, "127.0.0.1:8080", api, "127.0.0.1:8554", rtsp)
			}
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
	shortened := strings.NewReplacer("$argon2id$...", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "sha256:...", "sha256:"+strings.Repeat("0a", 32),
		`md5: "..."`, `md5: "`+strings.Repeat("0a", 16)+`"`, `sha256: "..."`, `sha256: "`+strings.Repeat("0a", 32)+`"`)
	certified := certified(t)
	for _, b := range all {
		code, out, problems := spool(t, shortened.Replace(strings.Replace(b.text, "cert: server.crt, key: server.key", certified, 1)), "check")
		require.Equal(t, exitOK, code, "%s%s%s", b.text, out, problems)
		require.Empty(t, problems, "%s", b.text)
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
	cmd.Env = append(os.Environ(), "SPOOL_HTTP__LISTEN=127.0.0.1:0", "SPOOL_INGEST__RTSP__LISTEN=127.0.0.1:0",
		"SPOOL_INGEST__RTSP__UDP__RTP=0", "SPOOL_INGEST__RTSP__UDP__RTCP=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// serve runs a command until the test ends, and ends it as Ctrl-C does. It gives the
// addresses of API and RTSP where the command is spool.
func serve(t *testing.T, dir, script string) (api, rtsp string) {
	t.Helper()
	cmd := shell(dir, "exec "+strings.TrimSpace(script))
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ours := filepath.Base(strings.Fields(script)[0]) == "spool"
	t.Cleanup(func() {
		require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
		err := cmd.Wait()
		if ours {
			told, _ := os.ReadFile(log.Name())
			require.NoError(t, err, "%s", told)
		}
	})
	if ours {
		return awaitReady(t, log.Name())
	}
	return "", ""
}

var readyLine = regexp.MustCompile(`"spool is ready","api":"http://([^"]+)","publish_to":"rtsp://([^/]+)/`)

func awaitReady(t *testing.T, log string) (api, rtsp string) {
	t.Helper()
	var told []byte
	require.Eventually(t, func() bool {
		told, _ = os.ReadFile(log)
		if found := readyLine.FindSubmatch(told); found != nil {
			api, rtsp = string(found[1]), string(found[2])
		}
		return api != ""
	}, time.Minute, 20*time.Millisecond, "spool does not come up")
	return api, rtsp
}
