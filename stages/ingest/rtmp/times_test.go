package rtmp

import (
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// steps returns the distances of the decoding times, and offset the presentation times less the decoding times.
func steps(units []unit) (out, offset []int64) {
	for i, u := range units {
		if i > 0 {
			out = append(out, u.dts-units[i-1].dts)
		}
		offset = append(offset, u.pts-u.dts)
	}
	return out, offset
}

func all(n int, value int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = value
	}
	return out
}

// Times of messages are rounded to ms: sound is recorded without holes, and does not drift from the pictures, wherever the
// sender's clock begins, and when it wraps.
func TestSoundHasNoHolesAndDoesNotDrift(t *testing.T) {
	for name, from := range map[string]uint32{"from zero": 0, "far on": 0xfffff0, "with extended times": 0x20000000, "over the wrap": 0xffffffff - 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			wait := f.record(path)
			e := f.publisher()
			e.configure(from)
			e.cast(from, 100, 188)
			e.leave()
			got := wait()
			require.Len(t, got.sets, 1)
			require.Len(t, got.units[codec.H264], 100)
			require.Len(t, got.units[codec.AAC], 188)
			require.EqualValues(t, 48000, got.track(codec.AAC).Timescale)
			sound, _ := steps(got.units[codec.AAC])
			require.Equal(t, all(187, 1024), sound)
			pictures, _ := steps(got.units[codec.H264])
			require.Equal(t, all(99, 3600), pictures)
			require.Equal(t, got.units[codec.H264][0].pts*48000, got.units[codec.AAC][0].pts*90000, "both begin together")
			require.Empty(t, f.losses(path))
			require.Empty(t, got.causes)
		})
	}
}

func TestCompositionTimes(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.send(sound, 0, aacFrame(0)...)
	for i, cts := range []int{80, 160, 40, -80, 0, 80} {
		e.send(pictures, uint32(40*i), avcPicture(i, i == 0, cts)...)
	}
	e.leave()
	got := wait()
	_, offset := steps(got.units[codec.H264])
	require.Equal(t, []int64{7200, 14400, 3600, -7200, 0, 7200}, offset)
	require.Empty(t, f.losses(path))
}

// Enhanced RTMP adds ns to the time of a message.
func TestNanoseconds(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.send(sound, 0, aacFrame(0)...)
	for i := range 3 {
		nano := i * 333_333
		plain := avcPicture(i, i == 0, 0)
		e.send(pictures, uint32(33*i), append([]byte{0x97 | plain[0]&0x70, 2, byte(nano >> 16), byte(nano >> 8), byte(nano), 0x03, 'a', 'v', 'c', '1'}, plain[5:]...)...)
	}
	e.leave()
	got := wait()
	pictures, _ := steps(got.units[codec.H264])
	require.Equal(t, []int64{3000, 3000}, pictures)
}

// Pictures with one time, and times that step back a little, are placed behind each other. None is lost.
func TestTimesThatDoNotAdvance(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.send(sound, 0, aacFrame(0)...)
	for i, ms := range []uint32{0, 40, 40, 30, 80} {
		e.send(pictures, ms, avcPicture(i, i == 0, 0)...)
	}
	e.leave()
	got := wait()
	pictures, offset := steps(got.units[codec.H264])
	require.Equal(t, []int64{3600, 1, 1, 3598}, pictures)
	require.Equal(t, all(5, 0), offset)
	require.Empty(t, f.losses(path))
}

// An encoder that starts its clock anew loses no media, and keeps sound and pictures together.
func TestAClockThatBeginsAnew(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(500000)
	e.cast(500000, 50, 94)
	e.configure(0)
	e.cast(0, 50, 94)
	e.leave()
	got := wait()
	require.Len(t, got.units[codec.H264], 100)
	require.Len(t, got.units[codec.AAC], 188)
	require.Equal(t, map[string]bool{string(media.GapTimestampJump): true}, got.causes)
	pictures, sound := got.units[codec.H264], got.units[codec.AAC]
	require.InDelta(t, ms(pictures[50].pts, 90000), ms(sound[94].pts, 48000), 25, "together behind the jump, as the frames end")
	require.Empty(t, f.losses(path))
}

// metadata returns a message onMetaData.
func metadata(t *testing.T, of ...amf0.ObjectEntry) []byte {
	t.Helper()
	b, err := amf0.Data{"@setDataFrame", "onMetaData", amf0.ECMAArray(of)}.Marshal()
	require.NoError(t, err)
	return b
}

// The tracks of a stream are known when both kinds have come, or what the metadata names; nothing waits for a track that
// never comes.
func TestOpening(t *testing.T) {
	video, audio := amf0.ObjectEntry{Key: "videocodecid", Value: 7.}, amf0.ObjectEntry{Key: "audiocodecid", Value: 10.}
	for name, tc := range map[string]struct {
		metadata []amf0.ObjectEntry
		sends    func(e *encoder)
		sets     int
		pictures int
		sound    int
	}{
		"only pictures are named": {[]amf0.ObjectEntry{video}, func(e *encoder) {
			e.send(pictures, 0, avcConfig(ingesttest.SPS25)...)
			e.cast(0, 3, 0)
		}, 1, 3, 0},
		"the sound never comes": {[]amf0.ObjectEntry{video, audio}, func(e *encoder) {
			e.send(pictures, 0, avcConfig(ingesttest.SPS25)...)
			e.cast(0, 100, 0)
		}, 1, 100, 0},
		"the sound is late": {[]amf0.ObjectEntry{video, audio}, func(e *encoder) {
			e.send(pictures, 0, avcConfig(ingesttest.SPS25)...)
			e.cast(0, 25, 0)
			e.send(sound, 1000, aacConfig...)
			e.send(sound, 1000, aacFrame(0)...)
			for p := 25; p < 30; p++ {
				e.send(pictures, uint32(40*p), avcPicture(p, p == 25, 0)...)
			}
		}, 1, 30, 1},
		"no metadata": {nil, func(e *encoder) {
			e.send(pictures, 0, avcConfig(ingesttest.SPS25)...)
			e.cast(0, 10, 0)
			e.send(sound, 400, aacConfig...)
			e.send(sound, 400, aacFrame(0)...)
		}, 1, 10, 1},
		"metadata of the size": {[]amf0.ObjectEntry{{Key: "width", Value: 320.}}, func(e *encoder) {
			e.configure(0)
			e.cast(0, 10, 10)
		}, 1, 10, 10},
		"a track that was not named": {[]amf0.ObjectEntry{video}, func(e *encoder) {
			e.send(pictures, 0, avcConfig(ingesttest.SPS25)...)
			e.cast(0, 26, 0)
			e.send(sound, 1040, aacConfig...)
			e.send(sound, 1040, aacFrame(0)...)
			for p := 26; p < 60; p++ {
				e.send(pictures, uint32(40*p), avcPicture(p, p%25 == 0, 0)...)
			}
			e.send(sound, 2400, aacFrame(1)...)
		}, 2, 60, 1}, // the sound begins with the next key frame
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			wait := f.record(path)
			e := f.publisher()
			if tc.metadata != nil {
				e.send(data, 0, metadata(t, tc.metadata...)...)
			}
			tc.sends(e)
			e.leave()
			got := wait()
			require.Len(t, got.sets, tc.sets)
			require.Equal(t, []int{tc.pictures, tc.sound}, []int{len(got.units[codec.H264]), len(got.units[codec.AAC])})
			lost := f.losses(path)
			delete(lost, media.DropNoKeyFrame)
			require.Empty(t, lost)
		})
	}
}

// A configuration with other parameter sets begins another description; the same one again changes nothing.
func TestAConfigurationThatChanges(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.cast(0, 25, 47)
	e.configure(1000)
	e.send(pictures, 1000, avcPicture(25, false, 0)...)
	e.send(pictures, 1040, avcConfig(ingesttest.SPSBig)...)
	e.send(pictures, 1040, avcPicture(26, true, 0)...)
	e.send(pictures, 1080, avcPicture(27, false, 0)...)
	e.leave()
	got := wait()
	require.Len(t, got.sets, 2)
	require.Equal(t, 320, got.sets[0].Tracks[0].Width)
	require.Equal(t, 640, got.sets[1].Tracks[0].Width)
	var sets []int
	for _, u := range got.units[codec.H264] {
		sets = append(sets, u.set)
	}
	require.Len(t, sets, 28)
	require.Equal(t, []int{0, 1, 1}, sets[25:])
	require.Empty(t, f.losses(path))
}

// An encoder that changes its codec goes on in the same publication, with another description.
func TestACodecThatChanges(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.cast(0, 25, 47)
	frame := mp3Frame()
	mp3 := func(ms uint32) { e.send(sound, ms, append([]byte{0x2f}, frame...)...) }
	mp3(1003)
	e.send(pictures, 1000, avcPicture(25, false, 0)...)
	mp3(1027)
	e.send(pictures, 1040, avcPicture(26, true, 0)...)
	mp3(1051)
	e.send(pictures, 1080, avcPicture(27, false, 0)...)
	mp3(1075)
	e.leave()
	got := wait()
	require.Len(t, got.sets, 2)
	require.Len(t, got.units[codec.MP3], 2, "from the next key frame on")
	require.Len(t, got.units[codec.AAC], 47)
	require.Len(t, got.units[codec.H264], 28)
	last := got.sets[len(got.sets)-1]
	require.Len(t, last.Tracks, 2)
	require.NotNil(t, got.track(codec.MP3))
	lost := f.losses(path)
	require.EqualValues(t, map[string]uint64{media.DropNoKeyFrame: 2}, lost)
	f.empty()
}

// mp3Frame returns a frame of layer III, of 128 kbit/s at 48 kHz.
func mp3Frame() []byte {
	b := make([]byte, 384)
	copy(b, []byte{0xff, 0xfb, 0x94, 0x64})
	return b
}

func TestAnEncoderThatChangesItsCodecAllTheTimeIsRefused(t *testing.T) {
	f := newFixture(t)
	e := f.publisher()
	e.send(sound, 0, aacConfig...)
	e.cast(0, 0, 60)
	for i := range maxTracks + 1 {
		if e.send(sound, uint32(i*24), append([]byte{0x2f}, mp3Frame()...)...); i%2 == 0 {
			e.send(sound, uint32(i*24), aacConfig...)
		}
	}
	code, says := e.status()
	require.Equal(t, "NetStream.Publish.Rejected", code)
	require.Contains(t, says, "the encoder changes its codecs too often")
	_ = e.nc.Close()
	f.empty()
}

// Messages that cannot be read are left out and counted. The next ones are recorded.
func TestMalformedMessagesAreCounted(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.cast(0, 2, 2)
	e.send(pictures, 80, 0x27, 1, 0, 0, 0, 0, 0, 0, 5, 0x41, 0x9a) // a NAL unit that is longer than the message
	e.send(pictures, 90, 0x27, 1)
	e.send(pictures, 90)
	e.send(sound, 90, 0xaf)
	e.send(pictures, 120, avcPicture(3, true, 0)...)
	e.send(pictures, 160, avcPicture(4, false, 0)...)
	e.leave()
	got := wait()
	require.Len(t, got.units[codec.H264], 4)
	require.EqualValues(t, 3, f.losses(path)[media.DropMessageMalformed])
	f.logged("a message of the publisher cannot be read", "the length of a NAL unit exceeds the message")
}

func TestTimesOfMessages(t *testing.T) {
	var u unwrapper
	for _, tc := range []struct {
		raw  uint32
		want int64
	}{{5, 5}, {40, 40}, {0, 0}, {0x7fffffff, 0x7fffffff}, {0xfffffff0, 0xfffffff0}, {16, 1<<32 + 16}, {0xfffffff0, 0xfffffff0}} {
		require.Equal(t, tc.want, u.next(tc.raw), "%d", tc.raw)
	}
	c := trackClock{timescale: 48000}
	for i := range int64(100000) { // sound whose times are rounded to the nearest ms
		ns := (i*1024*1000 + 24000) / 48000 * 1e6
		at, nudged := c.sound(ns, 1024)
		require.False(t, nudged)
		require.Equal(t, i*1024, at)
	}
	_ = ingest.RepairedTime
}
