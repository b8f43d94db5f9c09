package redact_test

import (
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/redact"
)

// A short password is removed as a word, but not within other words.
func TestAPasswordIsTakenOutOfNoOtherWord(t *testing.T) {
	for _, c := range []struct{ password, text, want string }{
		{"p", "dial tcp 10.0.0.5:554: refused", "dial tcp 10.0.0.5:554: refused"},
		{"p", "dial tcp: rtsp://admin:p@10.0.0.5/x", "dial tcp: rtsp://xxxxx@10.0.0.5/x"},
		{"p", "wrong password 'p'", "wrong password 'xxxxx'"},
		{"refused", "connection refused", "connection xxxxx"},
		{"é", "été, é", "été, xxxxx"},
		{"s3cret", "bas3cretty", "baxxxxxty"},
		{"S3/cret", "at rtsp://admin:S3%2fcret@h, codec s3/cret", "at rtsp://xxxxx@h, codec xxxxx"},
		{"P", "TCP, p", "TCP, xxxxx"},
		{"10", "dial tcp 10.0.0.5:5104", "dial tcp xxxxx.0.0.5:5104"},
	} {
		secret := redact.Of(&url.URL{Scheme: "rtsp", Host: "h", User: url.UserPassword("admin", c.password)})
		require.Equal(t, c.want, secret.Error(errors.New(c.text)).Error(), c.password)
	}
}

func TestALogLineHidesThePasswordInEachKindOfAttribute(t *testing.T) {
	var out strings.Builder
	log := slog.New(redact.Log{Handler: slog.NewTextHandler(&out, nil), Secret: redact.Texts{"s3cret"}})
	log.With("user", "a:s3cret").WithGroup("camera").Warn("refused",
		"error", errors.New("for s3cret"), "list", []string{"x", "s3cret"}, slog.Group("in", "text", "s3cret!"), "number", 3)
	require.NotContains(t, out.String(), "s3cret")
	for _, says := range []string{"user=a:xxxxx", `camera.error="for xxxxx"`, `camera.list="[x xxxxx]"`, "camera.in.text=xxxxx!", "camera.number=3"} {
		require.Contains(t, out.String(), says)
	}
}
