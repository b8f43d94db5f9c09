package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

func TestSecretsAreNotShown(t *testing.T) {
	for text, want := range map[string]string{
		"rtsp://admin:s3cret@10.0.0.5/stream1":     "rtsp://admin:xxxxx@10.0.0.5/stream1",
		"rtsp://admin:s3:c/r@t@10.0.0.5/a":         "rtsp://admin:xxxxx@10.0.0.5/a",
		"rtsp://10.0.0.5/stream1":                  "rtsp://10.0.0.5/stream1",
		"rtsp://admin@10.0.0.5/stream1":            "rtsp://admin@10.0.0.5/stream1",
		"http://h/x?token=abc&size=1":              "http://h/x?token=xxxxx&size=1",
		"spool:pw@tcp(127.0.0.1:3306)/spool":       "spool:xxxxx@tcp(127.0.0.1:3306)/spool",
		"host=x user=y password='a b' dbname=z":    "host=x user=y password=xxxxx dbname=z",
		"postgres://u:p@h:5432/db?sslmode=disable": "postgres://u:xxxxx@h:5432/db?sslmode=disable",
		"./recordings/spool.db":                    "./recordings/spool.db",
		"testpattern://?size=640x360&fps=25":       "testpattern://?size=640x360&fps=25",
		"127.0.0.1:8080":                           "127.0.0.1:8080",
	} {
		require.Equal(t, want, config.Redact(text))
	}
	n, err := config.Parse("f", []byte(`maybe: "rtsp://admin:s3cret@10.0.0.5/stream1"`))
	require.NoError(t, err)
	problems := n.Decode(&settings{})
	require.NotEmpty(t, problems)
	require.NotContains(t, problems.Error(), "s3cret")
	n, err = config.Parse("f", []byte(`"rtsp://admin:s3cret@10.0.0.5/stream1": 1`))
	require.NoError(t, err)
	require.NotContains(t, n.Decode(&settings{}).Error(), ":s3cret", "the path may not show what the message hides")
}
