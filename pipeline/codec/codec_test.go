package codec

import (
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

func TestACodecThatIsNotRegisteredIsNone(t *testing.T) {
	require.Nil(t, Of(0))
	require.Nil(t, Of(255))
	_, err := Describe(255, 90000, nil)
	require.ErrorContains(t, err, "unknown codec 255")
	require.Panics(t, func() {
		Register(Codec{CodecTraits: media.CodecTraits{Name: "h264", Kind: media.Video}})
	})
}
