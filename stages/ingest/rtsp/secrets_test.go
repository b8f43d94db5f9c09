package rtsp

import (
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
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
		{"10", "dial tcp 10.0.0.5:5104", "dial tcp xxxxx.0.0.5:5104"},
	} {
		p := &puller{secret: secrets(&url.URL{Scheme: "rtsp", Host: "h", User: url.UserPassword("admin", c.password)})}
		require.Equal(t, c.want, p.redact(errors.New(c.text)).Error(), c.password)
	}
}
