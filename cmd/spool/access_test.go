package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
)

func TestPasswdPrintsAHashThatTheConfigurationTakes(t *testing.T) {
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

func TestCheckNamesTheLineOfASecretThatIsNone(t *testing.T) {
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

func TestPublishersMayUseTheirOwnPatternsOnly(t *testing.T) {
	hash, err := auth.HashPassword("open sesame")
	require.NoError(t, err)
	may, err := publishers(configs.IngestAuth{Users: []configs.Publisher{
		{Name: "cam", PasswordHash: hash, Publish: []string{"live/cam", "site/*/door"}},
		{Name: "all", PasswordHash: hash, Publish: []string{"**"}},
	}}, pipeline.SystemClock)
	require.NoError(t, err)
	for _, c := range []struct{ user, pass, path, err string }{
		{"cam", "open sesame", "live/cam", ""},
		{"cam", "open sesame", "site/3/door", ""},
		{"all", "open sesame", "live/cam", ""},
		{"cam", "open sesame", "live/cam2", "cam may not publish this path"},
		{"cam", "open sesame", "site/3/4/door", "cam may not publish this path"},
		{"cam", "wrong", "live/cam", "name or password is wrong"},
		{"nobody", "open sesame", "live/cam", "name or password is wrong"},
		{"", "", "live/cam", "no name and password"},
	} {
		err := may(context.Background(), c.user, c.pass, c.path, "publish", "192.0.2.1:5000")
		if c.err == "" {
			require.NoError(t, err, c)
			continue
		}
		require.ErrorContains(t, err, c.err, c)
	}
	for range 20 {
		err = may(context.Background(), "cam", "wrong", "live/cam", "publish", "192.0.2.7:5000")
	}
	require.ErrorIs(t, err, auth.ErrBlocked)
	for range 20 { // the question that every client begins with is no attempt
		err = may(context.Background(), "", "", "live/cam", "publish", "192.0.2.8:5000")
	}
	require.NotErrorIs(t, err, auth.ErrBlocked)
	require.NoError(t, may(context.Background(), "cam", "open sesame", "live/cam", "publish", "192.0.2.8:5000"))

	open, err := publishers(configs.IngestAuth{None: true}, pipeline.SystemClock)
	require.NoError(t, err)
	require.Nil(t, open)
}
