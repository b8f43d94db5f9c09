package media

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// These are the codecs of the tests, because the package itself registers none.
var (
	pictures      = RegisterCodec(CodecTraits{Name: "pictures", Kind: Video, NAL: true, ParameterSets: true})
	otherPictures = RegisterCodec(CodecTraits{Name: "other pictures", Kind: Video, NAL: true, ParameterSets: true})
	sound         = RegisterCodec(CodecTraits{Name: "sound", Kind: Audio, AlwaysSync: true, ParameterSets: true})
	bareSound     = RegisterCodec(CodecTraits{Name: "bare sound", Kind: Audio, AlwaysSync: true})
)

func TestACodecIsRegisteredOnce(t *testing.T) {
	before := known
	for name, traits := range map[string]CodecTraits{
		"registered twice":     {Name: "pictures", Kind: Audio},
		"cannot be registered": {Name: "of no kind"},
		`codec "" of audio`:    {Kind: Audio},
	} {
		said := func() (said string) {
			defer func() { said, _ = recover().(string) }()
			RegisterCodec(traits)
			return ""
		}()
		require.Contains(t, said, name)
	}
	require.Equal(t, before, known, "a refused codec takes no number")
}

func TestAnUnregisteredCodecHasNoTraits(t *testing.T) {
	for _, c := range []Codec{0, known + 1, 255} {
		require.False(t, c.Known())
		require.Zero(t, c.Kind())
		require.False(t, c.NAL() || c.AlwaysSync())
		require.Regexp(t, `^codec\(\d+\)$`, c.String())
	}
	require.Equal(t, "pictures", pictures.String())
}

// G.711 and MJPEG have no parameter sets: the codec determines whether a track needs some.
func TestATrackWithoutParameterSets(t *testing.T) {
	track := audio()
	track.ParameterSets = nil
	require.ErrorContains(t, track.Validate(), "sound: no parameter sets")
	track.Codec = bareSound
	require.NoError(t, track.Validate())
}
