package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
)

// cutFragments makes a fragmented file with ffmpeg and truncates it.
func cutFragments(t *testing.T, name string) {
	t.Helper()
	whole := filepath.Join(t.TempDir(), "whole.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=4",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-movflags", "frag_keyframe+empty_moov+default_base_moof", whole).CombinedOutput()
	require.NoError(t, err, "%s", out)
	b, err := os.ReadFile(whole)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, b[:len(b)*3/4], 0o600))
}

func TestRepairCopiesFilesOfOtherPrograms(t *testing.T) {
	dir := t.TempDir()
	cut, text := filepath.Join(dir, "cut.mp4"), filepath.Join(dir, "text.mp4")
	cutFragments(t, cut)
	require.NoError(t, os.WriteFile(text, []byte("no video at all, not even a box"), 0o600))

	code, out, _ := spool(t, "", "repair", "--dry-run", "--json", cut)
	require.Equal(t, exitOK, code)
	var dry, done repairResult
	require.NoError(t, json.Unmarshal([]byte(out), &dry))
	require.Equal(t, "copied", dry.Action)
	require.NoFileExists(t, dry.Result)

	code, out, errs := spool(t, "", "repair", "--json", cut)
	require.Equal(t, exitOK, code, errs)
	require.Empty(t, errs, "a progress bar outside of a terminal")
	require.NoError(t, json.Unmarshal([]byte(out), &done))
	dry.DryRun = false
	require.Equal(t, dry, done)
	require.Equal(t, filepath.Join(dir, "cut.repaired.mp4"), done.Result)
	require.Positive(t, done.KeptMs)
	info, err := os.Stat(done.Result)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "who may read the file may read its copy")
	code, out, _ = spool(t, "", "repair", done.Result)
	require.Equal(t, exitOK, code)
	require.True(t, strings.HasPrefix(out, "whole "), out)

	code, out, errs = spool(t, "", "repair", text, cut)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "refused  "+text)
	require.Contains(t, out, "cut.repaired_2.mp4", "one that cannot be helped does not keep the others from it")
	require.Contains(t, errs, errRepair.Error())
}

func TestRepairOfADirectoryRepairsUnfinishedFiles(t *testing.T) {
	dir := t.TempDir()
	part := filepath.Join(dir, "a", "b.mp4"+media.PartSuffix)
	require.NoError(t, os.Mkdir(filepath.Dir(part), 0o700))
	require.NoError(t, os.WriteFile(part, nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.mp4"), []byte("not named, not looked at"), 0o600))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	code, out, _ := spool(t, "", "repair", link)
	require.Equal(t, exitOK, code)
	require.True(t, strings.HasPrefix(out, "removed "), out)
	require.NoFileExists(t, part)
	code, out, _ = spool(t, "", "repair", dir)
	require.Equal(t, exitOK, code)
	require.Equal(t, "Nothing to repair.\n", out)
	code, _, _ = spool(t, "", "repair", filepath.Join(dir, "none.mp4"))
	require.Equal(t, exitUsage, code)
}

// A file that a recorder writes is named only by its directory: it is skipped, and nothing has failed.
func TestRepairOfADirectorySkipsFilesThatAreWritten(t *testing.T) {
	dir := t.TempDir()
	part := filepath.Join(dir, "a.mp4"+media.PartSuffix)
	f, err := os.Create(part)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	code, out, errs := spool(t, "", "repair", dir)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "skipped  "+part)
	require.Contains(t, out, "is being written")
	require.FileExists(t, part)
	code, _, errs = spool(t, "", "repair", part)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, errRepair.Error())
}
