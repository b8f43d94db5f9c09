package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/configs"
)

func TestPasswdPrintsAHashThatTheConfigurationAccepts(t *testing.T) {
	t.Chdir(t.TempDir())
	hash := func(in string) (int, string, string) {
		var out, errs bytes.Buffer
		code := run([]string{"passwd"}, &Program{Stdin: strings.NewReader(in), Stdout: &out, Stderr: &errs})
		return code, strings.TrimSpace(out.String()), errs.String()
	}
	code, first, errs := hash("correct horse\n")
	require.Equal(t, exitOK, code, errs)
	require.NoError(t, auth.CheckHash(first))
	_, second, _ := hash("correct horse")
	require.NotEqual(t, first, second, "each hash has its own salt")
	code, _, errs = hash("")
	require.Equal(t, exitUsage, code)
	require.Equal(t, "spool: no password on standard input\n", errs)

	require.NoError(t, os.WriteFile(configs.FileName, []byte("http: {auth: {users: [{name: a, password_hash: '"+first+"', roles: [view]}]}}\n"), 0o600))
	var out, errors bytes.Buffer
	require.Equal(t, exitOK, run([]string{"check"}, &Program{Stdout: &out, Stderr: &errors}), errors.String())
}

func TestCheckNamesTheLineOfAnInvalidSecret(t *testing.T) {
	code, _, errs := spool(t, `
http:
  auth:
    users:
      - {name: a, password_hash: plain, roles: [view]}
    tokens:
      - {name: t, token: short, roles: [view]}
ingest:
  auth:
    users:
      - {name: cam, password_hash: "$2y$10$abc", publish: ["**"]}
`, "check")
	require.Equal(t, exitUsage, code)
	for _, want := range []string{
		"config.yaml:5:34: http/auth/users/0/password_hash: password_hash is not an argon2id hash",
		"config.yaml:7:26: http/auth/tokens/0/token: the token has 5 characters, at least 16 are needed",
		"config.yaml:11:36: ingest/auth/users/0/password_hash: password_hash is not an argon2id hash",
	} {
		require.Contains(t, errs, want)
	}
}

func TestPasswdPrintsADigestThatTheConfigurationAccepts(t *testing.T) {
	digest := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := run(append([]string{"passwd"}, args...), &Program{Stdin: strings.NewReader("Circle of Life\n"), Stdout: &out, Stderr: &errs})
		return code, strings.TrimSpace(out.String()), errs.String()
	}
	code, text, errs := digest("--digest", "http-auth@example.org", "--user", "Mufasa")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, `{realm: "http-auth@example.org", md5: "3d78807defe7de2157e2b0b6573a855f", sha256: "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"}`, text)
	for says, args := range map[string][]string{
		"--digest requires --user": {"--digest", "spool"}, "--user is for --digest": {"--user", "cam"},
		"holds a colon": {"--digest", "spool", "--user", "a:b"}, "quotes": {"--digest", `sp"ool`, "--user", "cam"},
	} {
		code, text, errs = digest(args...)
		require.Equal(t, exitUsage, code, says)
		require.Empty(t, text)
		require.Contains(t, errs, says)
		require.NotContains(t, errs, "Circle")
	}
	_, help, _ := digest("--help")
	require.Contains(t, strings.Join(strings.Fields(help), " "), "each of the two hashes is worth as much as the password")
}
