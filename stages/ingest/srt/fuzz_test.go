package srt

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/streampath"
)

func TestStreamIDs(t *testing.T) {
	for text, want := range map[string]streamID{
		"publish:live/a":                             {path: "live/a"},
		"publish:/live/a/":                           {path: "live/a"},
		"publish:live/a:ann":                         {path: "live/a", user: "ann"},
		"publish:live/a:ann:a:b%41":                  {path: "live/a", user: "ann", password: "a:b%41"},
		"live/a":                                     {path: "live/a"},
		"publish:live%2Fa:ann:p":                     {path: "live/a", user: "ann", password: "p"},
		"live%2Fa":                                   {path: "live/a"},
		"publish%3Alive%2Fa":                         {path: "live/a"},
		"#!::r=live/a,m=publish,u=ann,s=p":           {path: "live/a", user: "ann", password: "p"},
		"#!::s=p%2C%3D,u=ann,r=/live%2Fa,h=x,t=file": {path: "live/a", user: "ann", password: "p,="},
		"#!::r=live/a,s=100%":                        {path: "live/a", password: "100%"},
		"cam?user=ann&pass=p%26:%3F?":                {path: "cam", user: "ann", password: "p&:??"},
		"publish:/live/a?username=ann&password=p+q":  {path: "live/a", user: "ann", password: "p+q"},
		"live%2Fa%3Fuser%3Dann%26pass%3Dp%2526":      {path: "live/a", user: "ann", password: "p&"},
		"publish:live/a:a?n:p?q":                     {path: "live/a", user: "a?n", password: "p?q"},
		"%23%21%3A%3Ar%3Dlive%2Fa%2Cm%3Dpublish":     {path: "live/a"},
	} {
		id, err := parseStreamID(text)
		require.NoError(t, err, text)
		require.Equal(t, want, id, text)
	}
	for _, text := range []string{"", "publish:", "publish::ann:c4n4ry", "#!::", "#!::m=publish,u=ann,s=c4n4ry", "live//a", "publish:../a", "a\x00b", "#!:r=live/a",
		"r=cam,u=admin,s=c4n4ry", "#!::r=cam?user=admin&pass=c4n4ry", "publish:cam&pass=c4n4ry", "cam%253Fpass=c4n4ry", "publish:cam;c4n4ry//x",
		"publish:-c4n4ry", "cam -p c4n4ry//x", "#!::r=cam:admin:c4n4ry//x", "publish:cam|c4n4ry",
	} {
		_, err := parseStreamID(text)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "c4n4ry")
	}
	for _, text := range []string{"read:live/a", "request:live/a", "#!::r=live/a,m=request", "#!::m=play,r=live/a", "other:live/a"} {
		_, err := parseStreamID(text)
		require.ErrorIs(t, err, errMode, text)
	}
}

func FuzzStreamID(f *testing.F) {
	for _, text := range []string{"publish:live/a:ann:p", "live/a?user=u&pass=p%26", "#!::r=live/a,m=publish,u=ann,s=p%2C", "live%2Fa", "read:x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := parseStreamID(text)
		if err == nil {
			require.NoError(t, streampath.Check(id.path))
		}
	})
}

func TestPullURLs(t *testing.T) {
	u, err := url.Parse("srt://10.0.0.5:9000?streamid=%23!::r=a%26b,m=request&passphrase=a%2Bpassphrase&latency=250&pbkeylen=32&mode=caller")
	require.NoError(t, err)
	to, err := parseTarget(u)
	require.NoError(t, err)
	require.Equal(t, target{address: "10.0.0.5:9000", streamID: "#!::r=a&b,m=request", passphrase: "a+passphrase", latency: 250e6, keyLength: 32}, to)
	u, _ = url.Parse("srt://:9000?mode=listener")
	to, err = parseTarget(u)
	require.NoError(t, err)
	require.True(t, to.listens)
	for text, want := range map[string]string{
		"srt://h": "no port", "srt://h:0": "no port", "srt://h:70000": "no port", "srt://:9000": "no host", "srt://h:1?latency=200000": "microseconds", "srt://h:1?latency=x": "latency",
		"srt://h:1?passphrase=c4n4ry": "10 to 79", "srt://h:1?pbkeylen=16": "without passphrase", "srt://h:1?pbkeylen=17&passphrase=0123456789": "pbkeylen",
		"srt://h:1?mode=rendezvous": "unknown mode", "srt://:1?mode=listener&streamid=a": "no effect", "srt://h:1?maxbw=1": "unknown option", "srt://h:1?mode=caller&mode=caller": "more than once",
		"srt://h:1/live/a": "more than host", "srt://u:c4n4ry@h:1": "more than host", "srt://h:1?streamid=#!::r=a": "more than host", "srt://h:1?streamid=%zz": "cannot be read",
		"srt://h:1?streamid=" + strings.Repeat("a", 513): "512",
	} {
		u, err := url.Parse(text)
		require.NoError(t, err, text)
		_, err = parseTarget(u)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "c4n4ry")
	}
}

func FuzzPullURL(f *testing.F) {
	f.Add("srt://10.0.0.5:9000?streamid=publish:a&passphrase=0123456789&latency=250&pbkeylen=32&mode=caller")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		if to, err := parseTarget(u); err == nil {
			require.LessOrEqual(t, to.latency, mostLatency)
			require.LessOrEqual(t, len(to.streamID), 512)
		}
	})
}
