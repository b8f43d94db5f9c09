package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/hls/hlscheck"
	footage "github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/publishload"
)

// Fifty viewers, who come at once, play twenty streams in each way while these are recorded. The recorder loses nothing. How long it
// takes does not matter: the streams end after the last viewer.
func TestFiftyViewersCostNoFrameOfTwentyStreams(t *testing.T) {
	t.Parallel()
	const streams, viewers, fps = 20, 50, 5
	c, err := footage.Make(t.Context(), workshop, footage.Spec{Size: "160x90", FPS: fps, Seconds: 4, GOP: fps, Bitrate: 100_000})
	require.NoError(t, err)
	r := serve(t, "")
	from := time.Now().Add(-time.Second)
	name := func(n int) string { return fmt.Sprintf("live/cam%02d", n%streams+1) }
	for n := range streams {
		r.start(name(n), "?wait=true")
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ended := make(chan error, 1)
	go func() { ended <- (&publishload.Load{URL: r.rtsp + "/live/cam%02d", N: streams, Clip: c}).Run(ctx) }()
	for n := range streams {
		eventually(t, name(n), func() bool { return r.status(name(n)).AccessUnits >= 4*fps })
	}

	ways := []func(context.Context, string, string, time.Time) error{playInRanges, playFragments, playSegments, playInRanges, exportSpan}
	seen := make(chan error, viewers)
	for v := range viewers {
		go func() {
			err := ways[v%len(ways)](ctx, r.api, name(v), from)
			if err != nil {
				err = fmt.Errorf("viewer %d of %s: %w", v, name(v), err)
			}
			seen <- err
		}()
	}
	for range viewers {
		require.NoError(t, <-seen)
	}
	for n := range streams {
		require.Empty(t, r.stream(name(n)).Drops, name(n))
		r.stop(name(n))
	}
	leave()
	require.NoError(t, <-ended)
	var recorded []record
	var files []string
	for n := range streams {
		recs := r.records(name(n))
		require.Len(t, recs, 1, name(n))
		recorded, files = append(recorded, recs[0]), append(files, r.path(recs[0].File))
		require.Nil(t, recs[0].Gap, name(n))
		s := r.status(name(n))
		require.Empty(t, s.Drops, name(n))
		require.Zero(t, s.Gaps, name(n))
	}
	for n, count := range countPictures(t, files) {
		require.EqualValues(t, r.status(name(n)).AccessUnits, count, name(n))
		require.InDelta(t, float64(count)/fps, recorded[n].Duration, 0.5/fps, "%s: each picture lasts until the next one", name(n))
	}
}

// fetch returns the body of an answer that must have a status code, and the URL behind its redirects.
func fetch(ctx context.Context, method, url, body, ranges string, code int) (text []byte, at string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if ranges != "" {
		request.Header.Set("Range", ranges)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(response.Body); err == nil && response.StatusCode != code {
		err = fmt.Errorf("%s %s: %s: %.300s", method, url, response.Status, text)
	}
	return text, response.Request.URL.String(), err
}

// since returns the URL of a stream's footage from a time until now.
func since(api, stream string, from time.Time) string {
	return api + "/mp4/play/" + stream + "?start=" + from.UTC().Format(time.RFC3339Nano)
}

// playInRanges plays a file, and then random ranges of it.
func playInRanges(ctx context.Context, api, stream string, from time.Time) error {
	whole, at, err := fetch(ctx, "GET", since(api, stream, from), "", "", http.StatusOK)
	if err != nil {
		return err
	}
	for range 4 {
		first := rand.IntN(len(whole))
		last := first + rand.IntN(len(whole)-first)
		part, _, err := fetch(ctx, "GET", at, "", fmt.Sprintf("bytes=%d-%d", first, last), http.StatusPartialContent)
		if err != nil {
			return err
		}
		if !bytes.Equal(whole[first:last+1], part) {
			return fmt.Errorf("bytes %d to %d of %s are not those of the whole", first, last, at)
		}
	}
	return nil
}

// playFragments plays a stream of fragments twice.
func playFragments(ctx context.Context, api, stream string, from time.Time) error {
	for range 2 {
		body, at, err := fetch(ctx, "GET", since(api, stream, from)+"&format=fmp4", "", "", http.StatusOK)
		if err != nil {
			return err
		}
		if !bytes.Contains(body, []byte("moof")) {
			return fmt.Errorf("%s has no fragment", at)
		}
	}
	return nil
}

// playSegments fetches and checks the playlists of a stream, and all their segments.
func playSegments(ctx context.Context, api, stream string, from time.Time) error {
	p, err := hlscheck.Check(ctx, client, api+"/mp4/hls/"+stream+"/index.m3u8?segment=1&start="+from.UTC().Format(time.RFC3339Nano))
	if err != nil {
		return err
	}
	return p.Fault()
}

// exportSpan exports a stream, and waits for the file.
func exportSpan(ctx context.Context, api, stream string, from time.Time) error {
	text, _, err := fetch(ctx, "POST", api+"/mp4/export", span(`"`+stream+`"`, from, time.Now(), ""), "", http.StatusAccepted)
	if err != nil {
		return err
	}
	for {
		var reply exportReply
		if err := json.Unmarshal(text, &reply); err != nil {
			return err
		}
		switch reply.Export.State {
		case "finished":
			return nil
		case "failed":
			return errors.New(string(text))
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if text, _, err = fetch(ctx, "GET", api+reply.Export.URL, "", "", http.StatusOK); err != nil {
			return err
		}
	}
}
