package auth

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/streampath"
)

func TestACallerPublishesOnlyItsStreams(t *testing.T) {
	front, err := streampath.ParseGlob("live/front*")
	require.NoError(t, err)
	who, err := newCaller("x", nil, Streams{Publish: []streampath.Glob{front}})
	require.NoError(t, err)
	require.True(t, who.MayPublish("live/front2"))
	require.False(t, who.MayPublish("live/back"))
	require.False(t, who.MayPlay("live/front2"), "to publish is not to read")
	admin, err := newCaller("x", []Role{Admin, Declare}, Streams{})
	require.NoError(t, err)
	require.False(t, admin.MayPublish("live/front2"), "no role permits it")
	require.True(t, admin.MayPlay("live/front2"))
	require.True(t, Anybody().MayPublish("a/b") && Anybody().MayPlay("a/b"))
	require.False(t, Caller{}.MayPlay("a"))
	_, err = newCaller("x", nil, Streams{})
	require.Error(t, err)
}
