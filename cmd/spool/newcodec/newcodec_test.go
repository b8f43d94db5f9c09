package newcodec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/repair"
	"github.com/gospool/spool/stages"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/file"
)

var quiet = slog.New(slog.DiscardHandler)

// sample is one access unit.
type sample struct {
	at   time.Duration // decoding time, from the track's first sample
	sync bool
	data string
}

// samples holds the samples of a stream by the codec's name.
type samples map[string][]sample

// seconds is the duration of a stream, and gop the interval of its key frames.
const (
	seconds = 5
	fps     = 25
	gop     = fps
)

// frames returns the samples that the senders of a stream send.
func frames() samples {
	out := samples{}
	for i := range seconds * fps {
		f := sample{at: time.Duration(i) * time.Second / fps, sync: i%gop == 0, data: fmt.Sprintf("-picture %d", i)}
		if f.sync {
			f.data = string(rune(flipKey)) + f.data + string(bytes.Repeat([]byte{7}, 2000))
		}
		out["flip"] = append(out["flip"], f)
	}
	for i := range seconds * 50 {
		f := sample{at: time.Duration(i) * time.Second / 50, sync: true, data: fmt.Sprintf("sound %d", i)}
		if i%10 == 9 {
			f.data = string(make([]byte, 400)) // silence
		}
		out["quip"] = append(out["quip"], f)
		out["plnk"] = append(out["plnk"], f)
	}
	return out
}

// record publishes a stream and records it with the sink of a pipeline. It returns the finished
// file's name, and the file's content while it grew.
func record(t *testing.T, cfg mp4.Config) (finished string, growing []byte) {
	t.Helper()
	pool := pipelinetest.Pool(t)
	tasks := pipeline.NewTasks(quiet, pipeline.SystemClock)
	h := hub.New(pool, tasks, hub.Config{Log: quiet})
	require.NoError(t, h.Configure("live/new", hub.StreamConfig{}))
	sub, err := h.Subscribe("live/new")
	require.NoError(t, err)
	pub, err := h.Publish("live/new", hub.PublishOptions{Origin: "test"})
	require.NoError(t, err)
	send(t, pub)
	pub.Close(endcause.Stop)

	cfg.RecordPath, cfg.Timezone = t.TempDir(), "UTC"
	m, err := mp4.New(pipeline.NewSettings(pipeline.Env{Log: quiet, Clock: pipeline.SystemClock}, "default", "live/new", "mp4"), cfg)
	require.NoError(t, err)
	ctx := context.Background()
	require.NoError(t, m.Open(ctx))
	emit := func(r media.Recording) error {
		finished = filepath.Join(cfg.RecordPath, r.Path)
		return nil
	}
	var seg *media.Segment
	for {
		c, err := sub.Take(ctx)
		if err != nil {
			require.True(t, errors.As(err, new(*pipeline.EndError)), "%v", err)
			break
		}
		first := seg == nil
		if first {
			seg = &media.Segment{ID: media.NewID(time.Unix(0, c.UTC)), Stream: "live/new", Pipeline: "default", Set: c.Set, Index: 1, StartUTC: c.UTC}
		}
		require.NoError(t, m.Process(ctx, media.Part{Segment: seg, First: first, Chunk: c}, emit))
	}
	parts, err := filepath.Glob(filepath.Join(cfg.RecordPath, "*"+media.PartSuffix))
	require.NoError(t, err)
	require.Len(t, parts, 1)
	growing, err = os.ReadFile(parts[0])
	require.NoError(t, err)
	require.NoError(t, m.Process(ctx, media.Part{Segment: seg, End: endcause.Stop}, emit))
	require.NoError(t, m.Close())
	sub.Close()
	h.Close()
	require.NoError(t, tasks.Stop(ctx))
	return finished, growing
}

// send publishes the frames through a feed, as a protocol does.
func send(t *testing.T, pub *hub.Publisher) {
	t.Helper()
	feed := ingest.NewFeed(pub, quiet)
	picture, err := feed.AddTrack(ingest.TrackConfig{Codec: flip, Timescale: 90000, ParameterSets: [][]byte{{0, 64, 0, 48}}})
	require.NoError(t, err)
	bare := ingest.TrackConfig{Codec: quip, Timescale: 8000, SampleRate: 8000, Channels: 1}
	sound, err := feed.AddTrack(bare)
	require.NoError(t, err)
	bare.Codec = plink
	other, err := feed.AddTrack(bare)
	require.NoError(t, err)
	all, scales := frames(), map[string]int64{"flip": 90000, "quip": 8000, "plnk": 8000}
	for at := time.Duration(0); at < seconds*time.Second; at += 20 * time.Millisecond {
		for track, name := range map[*ingest.Track]string{picture: "flip", sound: "quip", other: "plnk"} {
			if all[name][0].at != at {
				continue
			}
			u := feed.Take()
			u.PTS = int64(at) * scales[name] / int64(time.Second)
			u.DTS, u.UTC, u.MonoNS = u.PTS, pipelinetest.StartUTC+int64(at), int64(at)+1
			u.Put([]byte(all[name][0].data))
			require.NoError(t, track.Unit(u))
			if all[name] = all[name][1:]; len(all[name]) == 0 {
				all[name] = []sample{{at: -1}}
			}
		}
	}
	feed.Close()
}

// read reads a file with the source for files.
func read(t *testing.T, name string) (samples, []media.Track) {
	t.Helper()
	r, err := file.Open(name, pipelinetest.Pool(t), time.Second, time.Now(), quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	out := samples{}
	first := map[string]int64{}
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, r.Tracks().Tracks
		}
		require.NoError(t, err)
		for i := range c.Tracks {
			track, col := &r.Tracks().Tracks[i], &c.Tracks[i]
			name, payload := track.Codec.String(), col.Payload.Append(nil)
			for k, dts := range col.DTS {
				if _, ok := first[name]; !ok {
					first[name] = dts
				}
				at := time.Duration(media.ToNanos(dts-first[name], track.Timescale))
				out[name] = append(out[name], sample{at, col.Flags[k]&media.FlagSync != 0, string(payload[:col.SizeBytes[k]])})
				payload = payload[col.SizeBytes[k]:]
			}
		}
		c.Release()
	}
}

// formats returns the settings for each format of finished files.
func formats() map[string]mp4.Config {
	plain, fragmented := mp4.Defaults(), mp4.Defaults()
	fragmented.Fragment = true
	return map[string]mp4.Config{"MP4": plain, "fMP4": fragmented}
}

func TestARecordingOfNewCodecsHoldsTheSentSamples(t *testing.T) {
	for format, cfg := range formats() {
		t.Run(format, func(t *testing.T) {
			finished, _ := record(t, cfg)
			got, tracks := read(t, finished)
			require.Equal(t, frames(), got)
			require.Equal(t, []media.Track{
				{Codec: flip, Timescale: 90000, ParameterSets: [][]byte{{0, 64, 0, 48}}, Width: 64, Height: 48},
				{Codec: quip, Timescale: 8000, ParameterSets: [][]byte{}, SampleRate: 8000, Channels: 1, FrameDurationTicks: 160},
				{Codec: plink, Timescale: 8000, ParameterSets: [][]byte{}, SampleRate: 8000, Channels: 1, FrameDurationTicks: 160},
			}, described(tracks))
			requireRolls(t, finished)
		})
	}
}

// requireRolls checks the roll distance of the audio track; the video track has none.
func requireRolls(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	rolls := map[string]string{}
	for traks := isobmff.Walk(isobmff.Find(b, "moov")); traks.Next(); {
		if traks.Is("trak") {
			stbl := isobmff.Find(traks.Payload, "mdia", "minf", "stbl")
			rolls[string(isobmff.Find(stbl, "stsd")[12:16])] = string(isobmff.Find(stbl, "sgpd"))
		}
	}
	for name, want := range map[string]int{"quip": 1, "plnk": 0, "flip": 0} {
		for _, fragment := range fragments(b, name) {
			require.Equal(t, want, fragment, "roll groups in a fragment of %s", name)
		}
	}
	require.Equal(t, map[string]string{"flip": "", "plnk": "", "quip": "\x01\x00\x00\x00roll\x00\x00\x00\x02\x00\x00\x00\x01\xff\xfc"}, rolls)
}

// fragments counts the sample groups of a track in each fragment of a file.
func fragments(b []byte, fourcc string) (groups []int) {
	id := ""
	for boxes := isobmff.Walk(b); boxes.Next(); {
		for traks := isobmff.Walk(boxes.Payload); boxes.Is("moov") && traks.Next(); {
			if stsd := isobmff.Find(traks.Payload, "mdia", "minf", "stbl", "stsd"); len(stsd) >= 16 && string(stsd[12:16]) == fourcc {
				id = string(isobmff.Find(traks.Payload, "tkhd")[12:16])
			}
		}
		for trafs := isobmff.Walk(boxes.Payload); boxes.Is("moof") && trafs.Next(); {
			if tfhd := isobmff.Find(trafs.Payload, "tfhd"); tfhd == nil || string(tfhd[4:8]) != id {
				continue
			}
			n := 0
			for inner := isobmff.Walk(trafs.Payload); inner.Next(); {
				if inner.Is("sbgp") {
					n++
				}
			}
			groups = append(groups, n)
		}
	}
	return groups
}

// described removes the fields that a file has and a sender does not.
func described(tracks []media.Track) (out []media.Track) {
	for _, t := range tracks {
		t.Language = ""
		out = append(out, t)
	}
	return out
}

// A crash leaves a growing file. Recovery restores its content except for the fragment at its
// end.
func TestACutRecordingOfNewCodecsIsRecovered(t *testing.T) {
	for format, cfg := range formats() {
		t.Run(format, func(t *testing.T) {
			_, growing := record(t, cfg)
			for _, cut := range []int{0, 1, 700} {
				name := filepath.Join(t.TempDir(), "cut.mp4"+media.PartSuffix)
				require.NoError(t, os.WriteFile(name, growing[:len(growing)-cut], 0o600))
				r, err := mp4.Repair(name)
				require.NoError(t, err)
				got, _ := read(t, filepath.Join(filepath.Dir(name), filepath.Base(r.Recording.Path)))
				for codec, sent := range frames() {
					if cut > 0 {
						require.Greater(t, len(got[codec]), len(sent)/2, codec)
						sent = sent[:len(got[codec])]
					}
					require.Equal(t, sent, got[codec])
				}
				requireRolls(t, filepath.Join(filepath.Dir(name), filepath.Base(r.Recording.Path)))
			}
		})
	}
}

// In a file of another program, from which a block was lost, a frame of zeros is damage, and
// silence is not.
func TestADamagedFileOfNewCodecsIsRepaired(t *testing.T) {
	finished, _ := record(t, mp4.Defaults())
	b, err := os.ReadFile(finished)
	require.NoError(t, err)
	b = bytes.ReplaceAll(b, []byte("uuid"), []byte("free")) // makes it a file of another program
	hole := bytes.LastIndex(b, bytes.Repeat([]byte{7}, 2000))
	clear(b[hole : hole+1024])
	name := filepath.Join(t.TempDir(), "other.mp4")
	require.NoError(t, os.WriteFile(name, b, 0o600))
	r, err := mp4.RepairAny(context.Background(), name, repair.Options{})
	require.NoError(t, err)
	require.Equal(t, repair.Plain, r.Found)
	require.NotEmpty(t, r.Copy, "%+v", r)
	got, _ := read(t, filepath.Join(filepath.Dir(name), r.Copy))
	require.NotEmpty(t, got["flip"])
	require.Less(t, len(got["flip"]), len(frames()["flip"]))
	for _, f := range got["flip"] {
		require.NotContains(t, f.data, "\x00\x00\x00\x00")
	}
	silent := 0
	for _, f := range got["quip"] {
		if f.data == string(make([]byte, 400)) {
			silent++
		}
	}
	require.Greater(t, silent, seconds, "silence is no damage")
}

// Code that looks codecs up by name finds the new ones.
func TestNewCodecsAreKnownByName(t *testing.T) {
	for _, name := range []string{"flip", "quip"} {
		require.NoError(t, stages.TrackMatch{Codec: name}.Validate())
		known, err := codec.Named(name)
		require.NoError(t, err)
		require.Same(t, known, codec.OfSampleEntry(name))
		require.Contains(t, strings.ToLower(codec.Titles("or")), name)
	}
	require.False(t, flip.AlwaysSync() || flip.NAL())
	require.True(t, quip.AlwaysSync())
	alone := codec.NewStandalone(&media.Track{Codec: flip})
	for _, f := range frames()["flip"][:gop+1] {
		au, ok := alone.Picture([]byte(f.data))
		require.Equal(t, f.sync, ok)
		require.Equal(t, f.data, string(au))
	}
	require.False(t, codec.Dense("quip"))
	var w isobmff.Writer
	_, err := codec.WriteSampleEntry(&w, &media.Track{Codec: quip, Channels: 1, SampleRate: 8000})
	require.NoError(t, err)
	require.Zero(t, codec.LengthSize(isobmff.Find(w.B, "stsd")))
}
