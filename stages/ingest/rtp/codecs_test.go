package rtp

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// Each row makes a track of a session description, under each of its names.
func TestEachCodecIsATrackByItsRow(t *testing.T) {
	said := map[string]string{
		"h264":          "packetization-mode=1; sprop-parameter-sets=Z2QADKzZQUGfnwEQAAADABAAAAMDIPFCmWA=,aOvjyyLA",
		"h265":          "",
		"vp9":           "",
		"av1":           "",
		"mp4v-es":       "profile-level-id=1; config=000001B001000001B58913000001000000012000C48D8800CD28045A1443",
		"jpeg":          "",
		"mpeg4-generic": "streamtype=5; mode=AAC-hbr; config=1190; SizeLength=13; IndexLength=3; IndexDeltaLength=3",
		"mp4a-latm":     "cpresent=0;config=40002320adca00",
		"opus":          "sprop-stereo=1",
		"multiopus":     "channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2",
		"mpa":           "",
		"ac3":           "",
		"eac3":          "",
		"pcmu":          "",
		"pcma":          "",
		"g722":          "",
		"g726-16":       "",
		"g726-24":       "",
		"g726-32":       "",
		"g726-40":       "",
		"aal2-g726-16":  "",
		"aal2-g726-24":  "",
		"aal2-g726-32":  "",
		"aal2-g726-40":  "",
		"l16":           "",
		"l24":           "",

		"vnd.onvif.metadata": "",
		"smpte336m":          "",
	}
	clocks := map[string]string{"mpeg4-generic": "/48000/2", "mp4a-latm": "/48000", "l24": "/48000/2", "ac3": "/48000/6", "eac3": "/48000", "opus": "/48000/2", "multiopus": "/48000/6"}
	for i := range carriedCodecs {
		row := &carriedCodecs[i]
		require.Contains(t, said, row.name, "add the sender's description of this codec here")
		for _, name := range append([]string{row.name, strings.ToUpper(row.name), "x-" + row.name}, row.others...) {
			f := Format{PayloadType: 96}
			f.ReadMap(name + clocks[row.name])
			f.ReadParameters(said[row.name])
			f.Complete("video")
			require.Equal(t, row.name, f.Name, name)
			require.True(t, f.Recordable(), name)
			c, err := f.Config(Options{})
			require.NoError(t, err, name)
			require.Equal(t, row.codec, c.Track.Codec, name)
			require.NotZero(t, c.Track.Timescale, name)
			_, err = Add(ingest.NewFeed(ingesttest.Discard{}, slog.New(slog.DiscardHandler)), c)
			require.NoError(t, err, name)
		}
	}
	f := Format{PayloadType: 3}
	f.Complete("audio")
	require.Equal(t, "gsm", f.Name)
	require.False(t, f.Recordable())
	_, err := f.Config(Options{})
	require.ErrorIs(t, err, ErrCodec)
	require.Equal(t, "H.264, H.265, VP9, AV1, MPEG-4 part 2, MJPEG, AAC, Opus, MP3, AC-3, E-AC-3, G.711, G.722, G.726, LPCM, ONVIF metadata and KLV can be", Recordable)
}

// Written parameters read back equal.
func TestParametersAreWrittenAsTheyAreRead(t *testing.T) {
	var f, again Format
	f.ReadParameters(" Config = 1190 ; junk=7; mode=\"AAC-hbr\";; sizelength=13;mode=AAC-lbr")
	text := string(f.AppendParameters(nil))
	require.Equal(t, "mode=AAC-lbr;config=1190;sizelength=13", text)
	again.ReadParameters(text)
	require.Equal(t, f, again)
	var other Format
	other.Take(&f)
	require.False(t, f.Said)
	require.Equal(t, again, other)
	require.Empty(t, f.AppendParameters(nil))
}
