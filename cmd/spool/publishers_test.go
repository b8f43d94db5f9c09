package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/certificate/certificatetest"
)

// The password_hash and the digest of the users of these tests.
const (
	someHash   = `password_hash: "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
	someDigest = `digest: {realm: spool, md5: "3d78807defe7de2157e2b0b6573a855f", sha256: "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"}`
)

func publishers(more ...string) string {
	out := "users: ["
	for i, m := range more {
		out += fmt.Sprintf("{name: cam%d, publish: [\"**\"], %s}, ", i, m)
	}
	return out + "]"
}

// Ingest on an address that other machines can reach requires ingest.auth or a setting that
// allows it. The settings of the API and of ingest do not count for each other.
func TestCheckRefusesOpenIngestOnReachableAddresses(t *testing.T) {
	const anybody = "every client may publish there"
	certified := certified(t)
	for name, tc := range map[string]struct{ http, ingest, says string }{
		"loopback":                    {"", "{rtsp: {listen: '127.0.0.1:8554'}}", ""},
		"all of loopback":             {"", "{rtsp: {listen: '127.200.1.1:8554'}}", ""},
		"IPv6 loopback":               {"", "{rtsp: {listen: '[::1]:8554'}}", ""},
		"mapped loopback":             {"", "{rtsp: {listen: '[::ffff:127.0.0.1]:8554'}}", ""},
		"localhost":                   {"", "{rtsp: {listen: 'localhost:8554'}}", ""},
		"every address":               {"", "{rtsp: {listen: ':8554'}}", anybody},
		"every IPv4 address":          {"", "{rtsp: {listen: '0.0.0.0:8554'}}", anybody},
		"every IPv6 address":          {"", "{rtsp: {listen: '[::]:8554'}}", anybody},
		"a name":                      {"", "{rtsp: {listen: 'recorder.local:8554'}}", anybody},
		"a name like localhost":       {"", "{rtsp: {listen: 'localhost.example:8554'}}", anybody},
		"the API's word":              {"auth: none", "{rtsp: {listen: ':8554'}}", anybody},
		"the API's users":             {"auth: {tokens: [{name: t, token: 0123456789abcdef, roles: [view]}]}", "{rtsp: {listen: ':8554'}}", anybody},
		"no users":                    {"", "{auth: {users: []}, rtsp: {listen: ':8554'}}", anybody},
		"its own word":                {"", "{auth: none, rtsp: {listen: ':8554'}}", ""},
		"its own word is not the API": {"listen: ':8080'", "{auth: none, rtsp: {listen: ':8554'}}", "it has no users and tokens"},
		"RTSPS":                       {"tls: {cert: a, key: b}", "{rtsp: {tls: {listen: ':8322'}}}", anybody},
		"RTSPS without certificate":   {"", "{auth: none, rtsp: {tls: {listen: ':8322'}}}", "there is no certificate"},
		"RTSPS with its own":          {"", "{auth: none, rtsp: {tls: {listen: ':8322', cert: a, key: b}}}", ""},
		"half a certificate":          {"", "{auth: none, rtsp: {tls: {listen: ':8322', cert: a}}}", "one of cert and key is missing"},
		"off":                         {"", "{rtsp: {listen: ''}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := "ingest: " + strings.Replace(tc.ingest, "cert: a, key: b", certified, 1) + "\n"
			if tc.http != "" {
				text = "http: {" + tc.http + "}\n" + text
			}
			code, _, errs := spool(t, text, "check")
			if tc.says == "" {
				require.Equal(t, exitOK, code, errs)
				return
			}
			require.Equal(t, exitUsage, code, errs)
			require.Contains(t, errs, tc.says)
			require.Regexp(t, `config\.yaml:\d+:\d+: (ingest/rtsp/(tls/)?listen|ingest/rtsp/tls|http/listen): `, errs)
		})
	}
}

// Users with only a hash cannot publish on a server that accepts no password in clear.
func TestCheckReportsUsersThatCannotPublish(t *testing.T) {
	certified := certified(t)
	for name, tc := range map[string]struct {
		ingest      string
		code        int
		says, warns []string
	}{
		"hashes alone": {"{auth: {" + publishers(someHash) + "}, rtsp: {listen: ':8554'}}", exitUsage,
			[]string{"config.yaml:1:", "ingest/rtsp/listen: :8554 can be reached by other machines and is not encrypted", "no user could publish", `ingest.rtsp.tls: {listen: ":8322"}`, "spool passwd --digest REALM", "ingest.rtsp.plain_basic: true"}, nil},
		"on loopback":      {"{auth: {" + publishers(someHash) + "}}", exitOK, nil, nil},
		"digests":          {"{auth: {" + publishers(someDigest) + "}, rtsp: {listen: ':8554'}}", exitOK, nil, nil},
		"digest and hash":  {"{auth: {" + publishers(someHash+", "+someDigest) + "}, rtsp: {listen: ':8554'}}", exitOK, nil, nil},
		"one has a digest": {"{auth: {" + publishers(someHash, someDigest) + "}, rtsp: {listen: ':8554'}}", exitOK, nil, []string{"these users cannot publish here, because they have no digest", ": cam0"}},
		"plain_basic":      {"{auth: {" + publishers(someHash) + "}, rtsp: {listen: ':8554', plain_basic: true}}", exitOK, nil, []string{"may travel here unencrypted"}},
		"RTSPS":            {"{auth: {" + publishers(someHash) + "}, rtsp: {listen: '', tls: {listen: ':8322', cert: a, key: b}}}", exitOK, nil, nil},
		"RTSPS and RTSP":   {"{auth: {" + publishers(someHash) + "}, rtsp: {listen: ':8554', tls: {listen: ':8322', cert: a, key: b}}}", exitOK, nil, []string{"these users cannot publish here"}},
		"RTSPS for some":   {"{auth: {" + publishers(someHash, someDigest) + "}, rtsp: {listen: ':8554', tls: {listen: ':8322', cert: a, key: b}}}", exitOK, nil, nil},
		"two realms": {"{auth: {" + publishers(someDigest, strings.Replace(someDigest, "spool", "other", 1)) + "}}", exitUsage,
			[]string{"ingest/auth/users/1/digest/realm: \"other\" differs from \"spool\"", "a server has one realm"}, nil},
		"no algorithm for both": {"{auth: {" + publishers(`digest: {realm: spool, md5: "3d78807defe7de2157e2b0b6573a855f"}`, `digest: {realm: spool, sha256: "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"}`) + "}}", exitUsage,
			[]string{"ingest/auth/users/1/digest: neither md5 nor sha256 is set for every user"}, nil},
		"nothing":         {"{auth: {" + publishers("password_hash: ''") + "}}", exitUsage, []string{"is missing, and so is digest", "spool passwd --digest"}, nil},
		"no digest":       {"{auth: {" + publishers(`digest: {realm: spool, md5: "3d78"}`) + "}}", exitUsage, []string{"ingest/auth/users/0/digest: md5 is not 32 hexadecimal digits"}, nil},
		"quotes in realm": {"{auth: {" + publishers(`digest: {realm: 'a"b', md5: "3d78807defe7de2157e2b0b6573a855f"}`) + "}}", exitUsage, []string{"without quotes"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errs := spool(t, "ingest: "+strings.Replace(tc.ingest, "cert: a, key: b", certified, 1)+"\n", "check")
			require.Equal(t, tc.code, code, errs)
			for _, want := range append(tc.says, tc.warns...) {
				require.Contains(t, errs, want)
			}
			if tc.warns == nil && tc.says == nil {
				require.NotContains(t, errs, "cannot publish")
				require.NotContains(t, errs, "unencrypted")
			}
			require.NotContains(t, errs, "3d78807defe7de2157e2b0b6573a855f")
		})
	}
}

// A digest is as good as the password, and is not printed.
func TestConfigShowsNoDigest(t *testing.T) {
	code, out, errs := spool(t, "ingest: {auth: {"+publishers(someHash+", "+someDigest)+"}}\n", "config")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "realm: spool")
	for _, secret := range []string{"3d78807d", "7987c64c", "argon2id"} {
		require.NotContains(t, out, secret)
	}
}

// certified makes a certificate and returns the settings of a tls block that name it.
func certified(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	certificatetest.Write(t, cert, key)
	return "cert: " + cert + ", key: " + key
}
