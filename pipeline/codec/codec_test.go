package codec

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestCodecNamesComeBack(t *testing.T) {
	require.NotEmpty(t, All())
	for _, c := range All() {
		back, err := Named(c.Name)
		require.NoError(t, err)
		require.Same(t, c, back)
		require.Same(t, c, Of(c.ID))
		require.Equal(t, c.Name, c.ID.String())
		require.NotZero(t, c.ID.Kind())
	}
	for _, bad := range []string{"", "H264", "codec(0)"} {
		_, err := Named(bad)
		require.Error(t, err, bad)
	}
}

func TestAnUnregisteredCodecIsRefused(t *testing.T) {
	require.Nil(t, Of(0))
	require.Nil(t, Of(255))
	_, err := Describe(255, 90000, nil)
	require.ErrorContains(t, err, "unknown codec 255")
	require.Panics(t, func() {
		Register(Codec{CodecTraits: media.CodecTraits{Name: "h264", Kind: media.Video}})
	})
}

// Every codec has the fields that other packages need.
func TestEveryCodecIsComplete(t *testing.T) {
	for _, c := range All() {
		require.NotEmpty(t, c.Title, c.Name)
		require.NotNil(t, c.Describe, c.Name)
		require.NotNil(t, c.MIME, c.Name)
		require.NotNil(t, c.Entry.Read, c.Name)
		require.NotNil(t, c.Entry.Write, c.Name)
		for _, fourcc := range c.Entry.Types {
			require.Len(t, fourcc, 4)
			require.NotNil(t, c.Entry.reads(fourcc), c.Name)
		}
		require.Equal(t, c.NAL != nil, c.Entry.LengthSize != nil, c.Name)
		require.Equal(t, c.NAL != nil, c.ID.NAL(), c.Name)
	}
	require.True(t, AAC.AlwaysSync())
	require.False(t, H264.AlwaysSync() || H265.AlwaysSync())
	require.EqualValues(t, -1, Of(AAC).RollDistance)
	require.Equal(t, "H.264, AAC or LPCM", Titles("or", Of(AAC), Of(H264), Of(LPCM)))
	require.Len(t, strings.Split(Titles(","), ", "), len(All()))
	require.Equal(t, "AAC", Titles("and", Of(AAC)))
}
