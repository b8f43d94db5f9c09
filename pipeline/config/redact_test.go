package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

func TestSecretsAreNotShown(t *testing.T) {
	for text, want := range map[string]string{
		"rtsp://admin:s3cret@10.0.0.5/stream1":          "rtsp://10.0.0.5/…",
		"rtsp://admin:s3:c/r@t@10.0.0.5/a":              "rtsp://…",
		"rtsp://10.0.0.5/s3cret":                        "rtsp://10.0.0.5/…",
		"http://h/x?apikey=s3cret&size=1":               "http://h/…",
		"http://h?X-Amz-Signature=s3cret":               "http://h/…",
		`Post "https://h/s3 cret": dial tcp`:            `Post "https://h/…": dial tcp`,
		"see <http://[::1]:80/s3cret>, or http://a:1/.": "see <http://[::1]:80/…>, or http://a:1/.",
		"http://h.":                                      "http://h.",
		"cannot reach rtsp://h:554: refused":             "cannot reach rtsp://h:554: refused",
		"rtsp://u:s3cret":                                "rtsp://…",
		"postgres://u:s3cret@h1:5432,h2:5432/db?a=b":     "postgres://h1:5432,h2:5432/…",
		"a://b@c://s3cret@d":                             "a://…",
		"host=x user=y password='s3 cret' dbname=z":      "host=x user=y password=xxxxx dbname=z",
		"code=s3cret&access_token=s3cret&api_key=s3cret": "code=xxxxx&access_token=xxxxx&api_key=xxxxx",
		"./recordings/spool.db":                          "./recordings/spool.db",
		"127.0.0.1:8080":                                 "127.0.0.1:8080",
		"://":                                            "://",
	} {
		require.Equal(t, want, config.Redact(text), text)
	}
	n, err := config.Parse("f", []byte(`maybe: "rtsp://admin:s3cret@10.0.0.5/stream1"`))
	require.NoError(t, err)
	problems := n.Decode(&settings{})
	require.NotEmpty(t, problems)
	require.NotContains(t, problems.Error(), "s3cret")
	n, err = config.Parse("f", []byte(`"rtsp://admin:s3cret@10.0.0.5/stream1": 1`))
	require.NoError(t, err)
	require.NotContains(t, n.Decode(&settings{}).Error(), "s3cret", "the path does not show the hidden value")
}
