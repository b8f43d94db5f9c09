package movie

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

func TestMovieHasPictureAndSoundOfItsLength(t *testing.T) {
	c := &clip.Clip{FPS: 30, Units: []clip.Unit{{NALs: [][]byte{{0x65, 1}}, IDR: true}, {NALs: [][]byte{{0x41}, {6}}}}}
	m, err := newMovie(Spec{Codec: "h264", FPS: 30, Length: 10*time.Second + time.Second/2}, c)
	require.NoError(t, err)
	var pictures, sound int
	last := 0.0
	require.NoError(t, m.Each(func(track int, au *media.AU) error {
		at := float64(au.DTS) / VideoScale
		if track == AudioTrack {
			at = float64(au.DTS) / AudioScale
			require.EqualValues(t, sound*AudioStep, au.DTS)
			sound++
		} else {
			require.EqualValues(t, pictures*3000, au.DTS)
			require.Equal(t, pictures%2 == 0, au.Sync)
			pictures++
		}
		require.Greater(t, at, last-0.04, "by time, within a picture")
		last = at
		return nil
	}))
	require.Equal(t, 300, pictures)
	require.Equal(t, 469, sound)
	require.Equal(t, 769, m.Units)
	require.EqualValues(t, 150*(4+2)+150*(4+1+4+1)+469*341, m.Bytes)
	require.Equal(t, []byte{0, 0, 0, 2, 0x65, 1, 0, 0}, m.Lap[:8])
}

func TestPatternHasItsBitrate(t *testing.T) {
	for _, codec := range Codecs() {
		m, err := Pattern(Spec{Codec: codec, Bitrate: 4e6, FPS: 25, GOP: 2 * time.Second, Length: time.Minute})
		require.NoError(t, err, codec)
		bitrate := 4e6 + 128e3
		if SoundBitrate(codec) > 0 {
			bitrate = float64(SoundBitrate(codec))
		}
		require.InEpsilon(t, 60*bitrate/8, m.Bytes, 0.02, codec)
		require.InEpsilon(t, m.Bytes/6, len(m.Lap), 0.02, "%s: ten seconds of it are in memory", codec)
	}
}

func TestEachCodecHasARow(t *testing.T) {
	for _, c := range codec.All() {
		if c.Kind == media.Metadata { // it has no usual bitrate
			continue
		}
		require.Contains(t, Codecs(), c.Name, "give %s a row in allPictures or allSound, so that spool bench can measure it", c.Title)
		m, err := Pattern(Spec{Codec: c.Name, Bitrate: 1e6, FPS: 25, GOP: time.Second, Length: 2 * time.Second})
		require.NoError(t, err, c.Name)
		track := m.Tracks[0]
		require.Equal(t, c.ID, track.Codec)
		require.NoError(t, track.Validate(), c.Name)
		if c.Kind == media.Audio {
			require.Len(t, m.Tracks, 1, "sound alone")
			require.NotZero(t, track.SampleRate)
			continue
		}
		require.Equal(t, []int{width, height}, []int{track.Width, track.Height}, c.Name)
		require.NoError(t, m.Each(func(track int, au *media.AU) error {
			if track == VideoTrack && c.Sync != nil {
				require.Equal(t, au.Sync, c.Sync(au.Payload[0]), c.Name)
			}
			return nil
		}))
	}
	_, err := Pattern(Spec{Codec: "vp8", Bitrate: 1e6, FPS: 25, GOP: time.Second, Length: time.Second})
	require.ErrorContains(t, err, `no movie has the codec "vp8"`)
}
