package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Help and version are found by each of the usual spellings.
func TestHelpAndVersionAreFound(t *testing.T) {
	ask := func(args ...string) string {
		code, out, errs := spool(t, "", args...)
		require.Equal(t, exitOK, code, errs)
		return out
	}
	for _, flag := range []string{"--version", "-v"} {
		require.Equal(t, ask("version"), ask(flag))
	}
	require.Equal(t, ask("--help"), ask("help"))
	for _, verb := range verbs() {
		if verb != "help" {
			require.Equal(t, ask(verb, "--help"), ask("help", verb))
		}
	}
	for _, verb := range []string{"mux", "live"} {
		require.Equal(t, ask("bench", verb, "--help"), ask("help", "bench", verb))
	}
	for words, complaint := range map[string]string{
		"chekc":       "unknown command chekc: did you mean check?: spool help lists the commands",
		"bench muxx":  "unknown command bench muxx: did you mean bench mux?: spool help bench lists the commands",
		"bench quick": "unknown command bench quick: spool help bench lists the commands",
		"check more":  "unknown command check more: spool help check has the help of check",
	} {
		code, _, errs := spool(t, "", append([]string{"help"}, strings.Fields(words)...)...)
		require.Equal(t, exitUsage, code)
		require.Equal(t, "spool: "+complaint+"\n", errs)
	}
}

// The flags of a command itself stand before the shared flags.
func TestHelpShowsTheCommandsOwnFlagsFirst(t *testing.T) {
	for verb, flag := range map[string]string{
		"remux": "--fragment", "retention": "--dry-run", "passwd": "--digest", "repair": "--dry-run", "config": "--reference", "token": "--role",
	} {
		_, out, _ := spool(t, "", "help", verb)
		own, shared, found := strings.Cut(out, "Settings, for every command:")
		require.True(t, found, out)
		require.Contains(t, own, flag, verb)
		for _, common := range []string{"--help", "--version", "--config", "--set"} {
			require.NotContains(t, own, common, verb)
			require.Contains(t, shared, common, verb)
		}
	}
}

// spool token prints a token and a setting with its digest.
func TestTokenPrintsATokenAndItsSetting(t *testing.T) {
	code, out, errs := spool(t, "", "token", "--name", "ci", "--role", "control")
	require.Equal(t, exitOK, code, errs)
	token, setting, _ := strings.Cut(strings.TrimSpace(out), "\n")
	require.Len(t, token, 2*tokenBytes)
	require.Equal(t, fmt.Sprintf(`{name: "ci", token: "sha256:%x", roles: [control]}`, sha256.Sum256([]byte(token))), setting)
	_, again, _ := spool(t, "", "token")
	require.NotContains(t, again, token)
	code, _, errs = spool(t, "http: {auth: {tokens: ["+setting+"]}}\n", "check")
	require.Equal(t, exitOK, code, errs)
	code, _, _ = spool(t, "", "token", "--role", "root")
	require.Equal(t, exitUsage, code)
}

// Long commands show their progress on a terminal, and print none of it elsewhere.
func TestProgressIsShownOnATerminalOnly(t *testing.T) {
	dir := t.TempDir()
	spool, clip := filepath.Join(dir, "spool"), filepath.Join(dir, "clip.mp4")
	buildProgram(t, spool)
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=4", "-c:v", "libx264", "-g", "25", clip).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for verb, line := range map[string]string{"remux": "remux " + clip + " " + filepath.Join(dir, "copy.mp4"), "repair": "repair --dry-run " + clip, "probe": "probe " + clip} {
		out, err := exec.Command("script", "-qec", spool+" "+line, "/dev/null").CombinedOutput() // script (util-linux) makes the terminal
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), verb+", KiB [")
	}
	out, err = exec.Command(spool, "remux", clip, filepath.Join(dir, "copy2.mp4")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "KiB [")
}

// buildProgram builds spool with the flags of make build, so that what that has compiled is used again.
func buildProgram(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
