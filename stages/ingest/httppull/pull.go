package httppull

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/hls"
	"github.com/gospool/spool/stages/ingest/httpclient"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

func init() {
	hub.RegisterScheme("http", newPuller)
	hub.RegisterScheme("https", newPuller)
	for _, name := range []string{"hls", "httplive", "m3u8"} { // as other programs name it
		hub.HintScheme(name, "write http:// or https://, also for a playlist of HLS")
	}
}

// puller publishes the body of the response to a request of a URL.
type puller struct {
	hub.PullOptions
	timeout time.Duration
	clients *httpclient.Clients
	client  *http.Client // of the newest Pull
	past    hls.Past     // of playlists
}

const defaultTimeout = 10 * time.Second // for a body that does not go on

func newPuller(o hub.PullOptions) (hub.Puller, error) {
	if o.URL.Hostname() == "" {
		return nil, errors.New("the pull URL has no host")
	}
	if o.Transport != "" {
		return nil, errors.New("transport is not for http URLs")
	}
	if o.Clock == nil {
		o.Clock = pipeline.SystemClock
	}
	p := &puller{PullOptions: o, timeout: cmp.Or(o.ReadTimeout, defaultTimeout)}
	var err error
	p.clients, err = httpclient.New(o.Fingerprint, o.URL.Scheme, p.timeout)
	return p, err
}

// response is an answer whose body is a stream.
type response struct {
	*http.Response
	kind    string        // media type in lower case, without parameters
	body    *bufio.Reader // of the body
	opening *time.Timer   // ends the pull unless the stream is published before
}

// kind is a form of stream.
type kind struct {
	name string
	is   func(r *response) bool
	play func(p *puller, ctx context.Context, r *response, publish func(string) (*hub.Publisher, error)) error
}

// kinds lists the forms, the first that fits is that of a response.
var kinds = []kind{
	{"MPEG-TS", isTransportStream, (*puller).transportStream},
	{"HLS", isPlaylist, (*puller).playlist},
}

// Pull publishes the stream of the URL.
func (p *puller) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	p.client = p.clients.Client()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer p.client.CloseIdleConnections()
	err := p.pull(ctx, cancel, publish)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (p *puller) pull(ctx context.Context, cancel context.CancelCauseFunc, publish func(string) (*hub.Publisher, error)) error {
	got, err := p.get(ctx, p.URL, "")
	if err != nil {
		return err
	}
	defer got.Body.Close()
	opening := time.AfterFunc(p.timeout, func() { cancel(fmt.Errorf("the server has sent no stream that can be recorded for %v", p.timeout)) })
	defer opening.Stop()
	r := &response{Response: got, body: bufio.NewReaderSize(got.Body, mpegts.SniffBytes), opening: opening}
	r.kind, _, _ = mime.ParseMediaType(got.Header.Get("Content-Type"))
	for _, k := range kinds {
		if k.is(r) {
			return k.play(p, ctx, r, func(origin string) (*hub.Publisher, error) { opening.Stop(); return publish(origin) })
		}
	}
	return fmt.Errorf("the server sends no stream that can be read, but %.64q", r.kind)
}
