package manifest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/durable"
)

func example(k Key) *Manifest {
	at := time.Date(2026, 3, 18, 14, 30, 0, 123456789, time.UTC)
	end := at.Add(time.Minute)
	return &Manifest{
		Name: "door", Recorder: Recorder{"north", "spool", "1.2.3"}, Created: at, Start: at, End: end, Gaps: "keep", Key: k.Info(),
		Files: []File{
			{Name: "live_door.mp4", SizeBytes: 123, SHA256: strings.Repeat("ab", 32), Format: "mp4", Stream: "live/door <&>",
				Start: &at, End: &end, Gaps: []Gap{{at, end, "publisher_lost", 1, true}}, Recordings: []string{"019350c1"}},
			{Name: "player.html", SHA256: strings.Repeat("00", 32), Format: "html"},
		},
	}
}

func TestAManifestIsReadAsItWasWritten(t *testing.T) {
	m := example(NewKey())
	text, err := m.Encode()
	require.NoError(t, err)
	got, err := Parse(text)
	require.NoError(t, err)
	require.Equal(t, m, got)
}

// Any change of one byte is found: by Parse, or by the signature.
func TestEachChangedByteIsFound(t *testing.T) {
	k := NewKey()
	text, err := example(k).Encode()
	require.NoError(t, err)
	signature := k.Sign(text)
	require.True(t, k.Public().Verify(text, signature))
	for i := range text {
		for _, flip := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(text)
			changed[i] ^= flip
			require.False(t, k.Public().Verify(changed, signature), "byte %d", i)
		}
	}
	for i := range signature {
		changed := bytes.Clone(signature)
		changed[i] ^= 1
		require.False(t, k.Public().Verify(text, changed), "byte %d of the signature", i)
	}
	require.False(t, NewKey().Public().Verify(text, signature))
	require.False(t, PublicKey(nil).Verify(text, signature))
}

func TestAWrongManifestIsRefused(t *testing.T) {
	text, err := example(NewKey()).Encode()
	require.NoError(t, err)
	for _, c := range []struct{ old, new, want string }{
		{`"spool-export"`, `"zip"`, "not the manifest of an export"},
		{`"version": 1`, `"version": 2`, "use a newer spool"},
		{`"door"`, `"door", "name": "window"`, "was changed"},
		{`"name": "door"`, `"more": 1, "name": "door"`, "unknown field"},
		{`"gaps": "keep"`, `"gaps": "fill"`, "neither keep nor cut"},
		{`live_door.mp4`, `../x.mp4`, "the name"},
		{`live_door.mp4`, `C:x.mp4`, "the name"},
		{`live_door.mp4`, `Player.html`, "twice"},
		{`live_door.mp4`, `MANIFEST.JSON`, "manifest itself"},
		{`"size_bytes": 123`, `"size_bytes": -1`, "its size"},
		{`"size_bytes": 123`, `"size_bytes": 123.5`, "cannot be read"},
		{"abab", "ABAB", "SHA-256"},
		{"abab", "ab", "SHA-256"},
		{"14:30:00.123456789Z", "14:30:00.123456789+01:00", "not in UTC"},
		{"14:30:00.123456789Z", "14:30:00.1234567890Z", "was changed"},
		{"sha256:", "sha256:0", "the ID of the key"},
		{"}\n", "} ", "was changed"},
		{"}\n", "}\n{}", "not the manifest"},
	} {
		changed := strings.Replace(string(text), c.old, c.new, 1)
		if strings.HasPrefix(c.old, "}") {
			changed = strings.TrimSuffix(string(text), c.old) + c.new
		}
		require.NotEqual(t, string(text), changed, c.old)
		_, err := Parse([]byte(changed))
		require.ErrorContains(t, err, c.want, "%s -> %s", c.old, c.new)
	}
	_, err = Parse(make([]byte, MaxBytes+1))
	require.ErrorContains(t, err, "at most")
}

func FuzzManifest(f *testing.F) {
	text, err := example(Key{NewKey().private}).Encode()
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"format":"spool-export","version":1,"files":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		again, err := m.Encode()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		for _, file := range m.Files {
			require.Equal(t, file.Name, filepath.Base(file.Name))
		}
	})
}

func FuzzPublicKey(f *testing.F) {
	f.Add(NewKey().Public().String())
	f.Add("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ParsePublicKey(text); err == nil {
			require.Len(t, p, publicBytes)
			require.NotEmpty(t, p.ID())
		}
		if k, err := parseKey([]byte(text)); err == nil {
			require.Len(t, k.Public(), publicBytes)
		}
	})
}

// The decoder of a manifest allocates in proportion to its text.
func TestTheCostOfAManifestIsProportional(t *testing.T) {
	cost := func(n int) float64 {
		text := []byte(`{"format":"spool-export","version":1,"files":[` + strings.Repeat(`{},`, n) + `{}]}`)
		return testing.AllocsPerRun(5, func() { _, _ = Parse(text) })
	}
	require.Less(t, cost(20_000), 20*max(cost(2_000), 50))
}

func TestTheKeyIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	name, disk := filepath.Join(dir, KeyFile), durable.Below(dir)
	k, err := LoadKey(disk, name)
	require.NoError(t, err)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	again, err := LoadKey(disk, name)
	require.NoError(t, err)
	require.Equal(t, k, again)

	require.NoError(t, os.WriteFile(name, []byte("no key"), 0o600))
	_, err = LoadKey(disk, name)
	require.ErrorContains(t, err, "restore it from a backup")
	require.NoError(t, os.Chmod(name, 0o666))
	_, err = LoadKey(disk, name)
	require.Error(t, err, "another user may have written it")
}

func TestPublicKeysAreReadInBothForms(t *testing.T) {
	k := NewKey()
	got, err := ParsePublicKey(k.Public().String() + "\n")
	require.NoError(t, err)
	require.Equal(t, k.Public(), got)
	for _, text := range []string{"", "x", k.Public().String()[:40], k.Public().ID(), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		_, err := ParsePublicKey(text)
		require.ErrorContains(t, err, "not a public Ed25519 key", text)
	}
}

// OpenSSL reads the key, derives the same public key and ID, and confirms the signature.
func TestOpenSSLConfirmsTheSignature(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	require.NoError(t, err)
	dir := t.TempDir()
	run := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), openssl, args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		require.NoError(t, err, "%s", out)
		return out
	}
	k, err := LoadKey(durable.Below(dir), filepath.Join(dir, KeyFile))
	require.NoError(t, err)
	public := run("pkey", "-in", KeyFile, "-pubout")
	got, err := ParsePublicKey(string(public))
	require.NoError(t, err)
	require.Equal(t, k.Public(), got)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "recorder.pem"), public, 0o600))
	run("pkey", "-pubin", "-in", "recorder.pem", "-outform", "DER", "-out", "recorder.der")
	require.Contains(t, string(run("dgst", "-sha256", "-hex", "recorder.der")), strings.TrimPrefix(k.Public().ID(), "sha256:"))

	text, err := example(k).Encode()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, FileName), text, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, FileName+SignatureSuffix), k.Sign(text), 0o600))
	require.Contains(t, string(run("pkeyutl", "-verify", "-pubin", "-inkey", "recorder.pem", "-rawin", "-in", FileName, "-sigfile", FileName+SignatureSuffix)), "Success")
}

func TestEncodeRefusesWhatParseWouldRefuse(t *testing.T) {
	m := example(NewKey())
	m.Files[0].Name = "../x"
	_, err := m.Encode()
	require.Error(t, err)
}
