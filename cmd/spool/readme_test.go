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

// The kinds of a README's blocks, as written after the three backticks.
const (
	blockShell    = "sh"       // runs at the root of a clean clone and must succeed
	blockServe    = "sh serve" // runs in the background until the end of the page
	blockLong     = "sh long"  // takes too long for a test: only the names in it are checked
	blockSettings = "yaml"     // a configuration that spool check accepts
	blockText     = "text"     // output or a drawing
	blockGo       = "go"       // code that an example of the package compiles
)

// TestEveryCommandOfTheReadmes runs the shell blocks of each page from top to bottom in a clean
// clone with a built binary. Servers listen on free ports instead of their usual ones, which
// another process may have: the environment passes them to the program, and later commands of
// the page use them. /tmp is a directory of the test. The commands leave no changes that git
// would show.
func TestEveryCommandOfTheReadmes(t *testing.T) {
	dir := cleanClone(t)
	command(t, dir, "make build")
	found := 0
	for _, page := range readmes(t) {
		blocks := blocksOf(t, page)
		found += len(blocks)
		t.Run(page, func(t *testing.T) {
			t.Cleanup(func() {
				require.Empty(t, command(t, dir, "git status --porcelain"), "%s leaves files behind", page)
				command(t, dir, "git clean -fdxq -e /spool")
			})
			there := strings.NewReplacer("/tmp/", t.TempDir()+"/")
			for _, b := range blocks {
				switch b.kind {
				case blockServe:
					api, rtsp := serve(t, dir, there.Replace(b.text))
					if api != "" {
						there = strings.NewReplacer("/tmp/", t.TempDir()+"/", "127.0.0.1:8080", api, "127.0.0.1:8554", rtsp)
					}
				case blockShell:
					command(t, dir, there.Replace(b.text))
				case blockLong:
					lookUp(t, b)
				}
			}
		})
	}
	require.Greater(t, found, 20)
}

// TestEveryConfigurationOfTheReadmes checks each configuration as it stands.
func TestEveryConfigurationOfTheReadmes(t *testing.T) {
	zeros := strings.Repeat("0a", 32)
	shortened := strings.NewReplacer("cert: server.crt, key: server.key", certified(t),
		"$argon2id$...", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"sha256:...", "sha256:"+zeros, `md5: "..."`, `md5: "`+zeros[:32]+`"`, `sha256: "..."`, `sha256: "`+zeros+`"`)
	checked := 0
	for _, page := range readmes(t) {
		for _, b := range blocksOf(t, page) {
			if b.kind != blockSettings {
				continue
			}
			checked++
			t.Run(b.at(), func(t *testing.T) {
				code, out, problems := spool(t, shortened.Replace(b.text), "check")
				require.Equal(t, exitOK, code, "%s%s%s", b.text, out, problems)
				require.Empty(t, problems, "%s", b.text)
			})
		}
	}
	require.GreaterOrEqual(t, checked, 8)
}

// cleanClone returns a repository with the present files of this one.
func cleanClone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	list, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		from, to := filepath.Join(root, name), filepath.Join(dir, name)
		info, err := os.Stat(from)
		if os.IsNotExist(err) { // removed but not committed yet
			continue
		}
		require.NoError(t, err)
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, text, info.Mode()))
	}
	command(t, dir, "git init -q && git add -A && git -c user.name=spool -c user.email=spool@localhost commit -q -m files")
	return dir
}

func command(t *testing.T, dir, script string) string {
	t.Helper()
	out, err := shell(dir, "set -e -o pipefail\n"+script).CombinedOutput()
	require.NoError(t, err, "%s\n%s", script, out)
	return string(out)
}

func shell(dir, script string) *exec.Cmd {
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SPOOL_HTTP__LISTEN=127.0.0.1:0", "SPOOL_INGEST__RTSP__LISTEN=127.0.0.1:0", "SPOOL_INGEST__WEBRTC__LISTEN=127.0.0.1:0",
		"SPOOL_INGEST__RTSP__UDP__RTP=0", "SPOOL_INGEST__RTSP__UDP__RTCP=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// serve runs a command until the test ends, and ends it as Ctrl-C does. It returns the addresses
// of API and RTSP if the command is spool.
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
