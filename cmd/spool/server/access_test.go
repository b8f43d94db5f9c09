package server

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
)

func TestPublishersMayUseTheirOwnPatternsOnly(t *testing.T) {
	hash, err := auth.HashPassword("open sesame")
	require.NoError(t, err)
	may, err := publishers(configs.IngestAuth{Users: []configs.Publisher{
		{Name: "cam", PasswordHash: hash, Publish: []string{"live/cam", "site/*/door"}},
		{Name: "all", PasswordHash: hash, Publish: []string{"**"}},
	}}, pipeline.SystemClock, auth.NewFailures(nil))
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

	require.ErrorContains(t, may(context.Background(), "cam", "typed wrongly", "live/cam", "publish", "192.0.2.8:5000"), "cam: ")
	require.NotContains(t, may(context.Background(), "open sesame", "cam", "live/cam", "publish", "192.0.2.8:5000").Error(), "sesame", "typed into the wrong field")

	open, err := publishers(configs.IngestAuth{None: true}, pipeline.SystemClock, nil)
	require.NoError(t, err)
	require.Nil(t, open)
}
