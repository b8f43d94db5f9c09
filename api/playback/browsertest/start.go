//go:build linux

package browsertest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds a wait for an event that must happen, however slow the machine is; outputBytes bounds what is kept of a browser's output.
const (
	patience    = time.Minute
	outputBytes = 64 << 10
)

// Names lists the browsers.
var Names = []string{"chromium", "firefox"}

// settings is the file user.js of a profile of Firefox: a page may play, and may use a camera that the browser simulates. The browser asks no
// server for news.
const settings = `user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.peerconnection.ice.loopback", true);
user_pref("datareporting.policy.firstRunURL", "");
`

// command returns the command of a browser.
func command(name, profile, url string) []string {
	if name == "firefox" {
		return []string{"firefox-esr", "--headless", "--no-remote", "--profile", profile, url}
	}
	return []string{name, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
		"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--user-data-dir=" + profile, url}
}

// output keeps the begin of a browser's output.
type output struct{ bytes.Buffer }

func (o *output) Write(b []byte) (int, error) {
	o.Buffer.Write(b[:min(len(b), outputBytes-o.Len())])
	return len(b), nil
}

// Start opens a page in a browser with a new profile. The browser ends when stop is called, which must be once. The log of a test that fails
// has its output.
func Start(t testing.TB, name, url string) (stop func()) {
	t.Helper()
	profile, err := os.MkdirTemp("", "browser-")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(profile, "user.js"), []byte(settings), 0o600))
	args := command(name, profile, url)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with its children
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Env, cmd.WaitDelay = append(os.Environ(), "HOME="+profile), time.Second
	var said output
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		cancel()
		require.NoError(t, err)
	}
	return func() {
		cancel()
		_ = cmd.Wait() // it is killed
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s %s has written:\n%s", name, url, &said.Buffer)
			}
		})
		require.Eventually(t, func() bool { return os.RemoveAll(profile) == nil }, patience, 50*time.Millisecond, "its last process may still write there")
	}
}
