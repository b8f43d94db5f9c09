package verify_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/exporttest"
	"github.com/gospool/spool/api/export/manifest"
	"github.com/gospool/spool/api/export/verify"
)

var noon = time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC)

// target makes the files of an export in a directory.
type target string

func (d target) Create(name string) (io.WriteCloser, error) {
	return os.OpenFile(filepath.Join(string(d), name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// made exports streams to a new directory.
func made(t testing.TB, key manifest.Key, streams ...string) string {
	source := &exporttest.Source{Streams: map[string][]byte{}}
	for i, s := range streams {
		source.Streams[s] = bytes.Repeat([]byte{byte(i), 'x'}, 100)
	}
	r := bundle.Request{Name: "door", Streams: streams, Start: noon, End: noon.Add(time.Minute)}
	require.NoError(t, r.Check(source.Formats(), noon.Add(time.Hour)))
	b, err := bundle.Open(t.Context(), source, r)
	require.NoError(t, err)
	dir, counted := t.TempDir(), int64(0)
	files, err := b.Write(t.Context(), target(dir), bundle.Maker{Recorder: manifest.Recorder{Name: "north", Program: "spool", Version: "1"}, Key: key},
		noon.Add(time.Hour), func(n int) { counted += int64(n) })
	require.NoError(t, err)
	require.Equal(t, b.MediaBytes(), counted)
	require.NoError(t, b.Close())
	all := int64(0)
	for _, f := range files {
		info, err := os.Stat(filepath.Join(dir, f.Name))
		require.NoError(t, err)
		require.Equal(t, info.Size(), f.SizeBytes)
		all += f.SizeBytes
	}
	require.LessOrEqual(t, all-counted, b.OtherBytes())
	return dir
}

func check(t testing.TB, path string, key manifest.PublicKey) []string {
	t.Helper()
	reports, err := verify.Path(t.Context(), path, verify.Options{Key: key})
	require.NoError(t, err)
	require.Len(t, reports, 1)
	if len(reports[0].Differences) == 0 {
		require.NotNil(t, reports[0].Manifest)
		require.Len(t, reports[0].Manifest.Files, reports[0].Files)
	}
	return reports[0].Differences
}

func TestAnExportIsUnchanged(t *testing.T) {
	key := manifest.NewKey()
	single := made(t, key, "live/door")
	for _, name := range []string{"", "door.mp4", "door.manifest.json"} {
		require.Empty(t, check(t, filepath.Join(single, name), key.Public()), name)
	}
	several := made(t, key, "live/door", "live/gate")
	for _, name := range []string{"", "door.zip"} {
		require.Empty(t, check(t, filepath.Join(several, name), nil), name)
	}
	require.Equal(t, []string{"the signature is not by the given key: it is by the key " + key.Public().ID()},
		check(t, several, manifest.NewKey().Public()))
}

// TestEachFlippedByteIsFound changes each byte of an archive in turn, and each of the files of a single stream.
func TestEachFlippedByteIsFound(t *testing.T) {
	for _, streams := range [][]string{{"a"}, {"a", "b"}} {
		dir := made(t, manifest.NewKey(), streams...)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			page := bytes.Index(text, []byte("<!doctype")) // of the page, some bytes are enough
			for i := range text {
				if page >= 0 && i > page && i < len(text)-3000 && i%97 != 0 {
					continue
				}
				changed := bytes.Clone(text)
				changed[i] ^= 1
				require.NoError(t, os.WriteFile(path, changed, 0o600))
				require.NotEmpty(t, check(t, dir, nil), "%s, byte %d", e.Name(), i)
			}
			for _, changed := range [][]byte{text[:len(text)-1], append(bytes.Clone(text), 0), append([]byte{0}, text...)} {
				require.NoError(t, os.WriteFile(path, changed, 0o600))
				require.NotEmpty(t, check(t, dir, nil), "%s, %d bytes", e.Name(), len(changed))
			}
			require.NoError(t, os.WriteFile(path, text, 0o600))
		}
		require.Empty(t, check(t, dir, nil))
	}
}

// TestEachDifferenceIsNamed unpacks an archive and changes it.
func TestEachDifferenceIsNamed(t *testing.T) {
	unzip, err := exec.LookPath("unzip")
	require.NoError(t, err)
	key := manifest.NewKey()
	at := filepath.Join(made(t, key, "a", "b"), "door.zip")
	for want, change := range map[string]func(dir string) error{
		"":                              func(string) error { return nil },
		"a.mp4 is missing":              func(d string) error { return os.Remove(filepath.Join(d, "a.mp4")) },
		"b.mp4 was changed":             func(d string) error { return os.Rename(filepath.Join(d, "a.mp4"), filepath.Join(d, "b.mp4")) },
		"c.mp4 is not in the manifest":  func(d string) error { return os.WriteFile(filepath.Join(d, "c.mp4"), nil, 0o600) },
		"player.html has 1 bytes":       func(d string) error { return os.WriteFile(filepath.Join(d, "player.html"), []byte("x"), 0o600) },
		"manifest.json.sig is missing":  func(d string) error { return os.Remove(filepath.Join(d, "manifest.json.sig")) },
		"not the manifest of an export": func(d string) error { return os.WriteFile(filepath.Join(d, "manifest.json"), []byte("{}"), 0o600) },
		"signature is not that of the man": func(d string) error {
			return os.WriteFile(filepath.Join(d, "manifest.json.sig"), make([]byte, 64), 0o600)
		},
	} {
		dir := t.TempDir()
		out, err := exec.CommandContext(t.Context(), unzip, "-q", at, "-d", dir).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NoError(t, change(dir))
		found := strings.Join(check(t, dir, key.Public()), "\n")
		require.Contains(t, found, want)
		require.Equal(t, want == "", found == "", found)
	}
}

// TestNothingIsHiddenInAnArchive: an archive with the right files, and something else.
func TestNothingIsHiddenInAnArchive(t *testing.T) {
	path := filepath.Join(made(t, manifest.NewKey(), "a", "b"), "door.zip")
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	again := func(name string, change func(i int, f *zip.FileHeader), after func(*zip.Writer)) string {
		to := filepath.Join(t.TempDir(), name)
		out, err := os.Create(to)
		require.NoError(t, err)
		w := zip.NewWriter(out)
		for i, f := range z.File {
			h := zip.FileHeader{Name: f.Name, Modified: f.Modified, Method: f.Method}
			change(i, &h)
			entry, err := w.CreateHeader(&h)
			require.NoError(t, err)
			in, err := f.Open()
			require.NoError(t, err)
			_, err = io.Copy(entry, in)
			require.NoError(t, err)
		}
		after(w)
		require.NoError(t, w.Close())
		require.NoError(t, out.Close())
		return to
	}
	none, keep := func(int, *zip.FileHeader) {}, func(*zip.Writer) {}
	require.Empty(t, check(t, again("same.zip", none, keep), nil))
	require.Contains(t, check(t, again("comment.zip", none, func(w *zip.Writer) { _ = w.SetComment("x") }), nil)[0], "outside of its files")
	require.Contains(t, check(t, again("more.zip", none, func(w *zip.Writer) { _, _ = w.CreateHeader(&zip.FileHeader{Name: "c.mp4"}) }), nil)[0], `"c.mp4" is not in the manifest`)
	require.Contains(t, check(t, again("twice.zip", none, func(w *zip.Writer) { _, _ = w.Create("a.mp4") }), nil)[0], `"a.mp4" is there twice`)
	require.Contains(t, check(t, again("twice.zip", none, func(w *zip.Writer) { _, _ = w.CreateHeader(&zip.FileHeader{Name: "a.mp4"}) }), nil)[0], `"a.mp4" is there twice`)
	require.Contains(t, check(t, again("extra.zip", func(_ int, f *zip.FileHeader) { f.Extra = []byte{1, 9, 2, 0, 'h', 'i'} }, keep), nil)[0], "outside of its files")
	require.Contains(t, check(t, again("small.zip", func(_ int, f *zip.FileHeader) { f.Method = zip.Deflate }, keep), nil)[0], "is compressed")
}

func TestWhatIsNoExportIsAnError(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.mp4"), []byte("x"), 0o600))
	for path, want := range map[string]string{"": "neither a manifest nor an archive", "x.mp4": "has no manifest", "y.mp4": "no such file"} {
		_, err := verify.Path(t.Context(), filepath.Join(dir, path), verify.Options{})
		require.ErrorContains(t, err, want)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	stop(fmt.Errorf("enough"))
	_, err := verify.Path(ctx, made(t, manifest.NewKey(), "a"), verify.Options{})
	require.ErrorContains(t, err, "enough")
}

func FuzzArchive(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(made(f, manifest.NewKey(), "a", "b"), "door.zip"))
	require.NoError(f, err)
	f.Add(text, 0, byte(0))
	f.Add(text, 30, byte(9))
	f.Add([]byte("PK\x03\x04"), 0, byte(0))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte, at int, change byte) {
		if at >= 0 && at < len(text) {
			text = bytes.Clone(text)
			text[at] ^= change
		}
		path := filepath.Join(dir, "x.zip")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		reports, err := verify.Path(t.Context(), path, verify.Options{})
		require.NoError(t, err, "what is wrong with the archive is a difference")
		require.Len(t, reports, 1)
	})
}
