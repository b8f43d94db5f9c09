package api

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/media"
)

var connectionParams = []params.Param{
	{Name: "limit", Kind: params.Integer, Def: "100", Max: media.MaxLimit, Doc: "connections in one answer"},
	{Name: "cursor", Doc: "next of the previous page; with the same filters"},
	{Name: "protocol", Doc: "of the server"},
	{Name: "state", Enum: []string{string(media.ConnectionOpen), string(media.ConnectionAnnounced), string(media.ConnectionPublishing), string(media.ConnectionReading)}},
}

type connectionsAnswer struct {
	Status      string             `json:"status" enum:"success"`
	Connections []connectionDetail `json:"connections"`
	Count       int                `json:"count" doc:"connections in this answer"`
	Next        string             `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
}

type connectionDetail struct {
	ID       string                `json:"id" doc:"for DELETE /mp4/connections/{id}"`
	Protocol string                `json:"protocol" doc:"of the server"`
	TLS      bool                  `json:"tls" doc:"whether the connection is encrypted"`
	Remote   string                `json:"remote" doc:"host:port of the client"`
	User     string                `json:"user,omitempty" doc:"user whose password was accepted for stream_path; absent without one, and for callers without the role control"`
	Stream   string                `json:"stream_path,omitempty" doc:"stream that it publishes, may publish, or reads"`
	Since    *string               `json:"since" format:"date-time"`
	Bytes    uint64                `json:"bytes" doc:"received over the connection; without media over UDP"`
	Sent     uint64                `json:"sent_bytes" doc:"of media, to a client that reads"`
	Skipped  uint64                `json:"skipped_units" doc:"access units that a client has not received because it reads too slowly, and continued at a key frame, or its protocol cannot carry them"`
	State    media.ConnectionState `json:"state" enum:"open,announced,publishing,reading" doc:"open: no session yet, or its session has ended; announced: it may publish and has not sent yet"`
}

func (s *Server) connections(w http.ResponseWriter, r *request) error {
	after, err := connectionCursor(r.query.Text("cursor"))
	if err != nil {
		return err
	}
	limit, protocol, state := r.query.Integer("limit"), r.query.Text("protocol"), r.query.Text("state")
	if r.query.Err != nil {
		return r.query.Err
	}
	out := connectionsAnswer{Status: "success", Connections: []connectionDetail{}}
	var last media.Connection
	for _, c := range s.openConnections() {
		if protocol != "" && c.Protocol != protocol || state != "" && string(c.State) != state || !after.before(c) {
			continue
		}
		if len(out.Connections) == limit {
			out.Next = connectionID(last)
			break
		}
		last = c
		if !r.who.Roles.Holds(auth.Control) {
			c.User = ""
		}
		out.Connections = append(out.Connections, connectionDetail{
			ID: connectionID(c), Protocol: c.Protocol, TLS: c.TLS, Remote: c.Remote, User: c.User, Stream: c.Path, Since: utc(c.Since),
			Bytes: c.Bytes, Sent: c.Sent, Skipped: c.Skipped, State: c.State,
		})
	}
	out.Count = len(out.Connections)
	answer(w, http.StatusOK, out)
	return nil
}

func (s *Server) openConnections() []media.Connection {
	if s.deps.Clients == nil {
		return nil
	}
	return s.deps.Clients.Connections()
}

// connectionID returns the name of a connection in the API, which is also the cursor behind it.
func connectionID(c media.Connection) string { return fmt.Sprintf("%s.%d", c.Protocol, c.Number) }

type endedAnswer struct {
	Status string `json:"status" enum:"success"`
	ID     string `json:"id" doc:"of the connection, which is being closed"`
}

func (s *Server) endConnection(w http.ResponseWriter, r *request) error {
	id := r.params.ByName("id")
	at, err := connectionCursor(id)
	if err != nil || s.deps.Clients == nil || !s.deps.Clients.End(at.protocol, at.number) {
		return NotFound("no open connection has the id %q: GET /mp4/connections lists them", id)
	}
	answer(w, http.StatusOK, endedAnswer{"success", id})
	return nil
}

// connectionPlace is a cursor: the last connection of a page. The next page begins after it.
type connectionPlace struct {
	protocol string
	number   uint64
}

// before reports whether the place p is before the connection c in the sorted list, so that c is on
// one of the next pages.
func (p connectionPlace) before(c media.Connection) bool {
	return cmp.Or(cmp.Compare(p.protocol, c.Protocol), cmp.Compare(p.number, c.Number)) < 0
}

func connectionCursor(text string) (p connectionPlace, err error) {
	if text == "" {
		return p, nil
	}
	protocol, number, cut := strings.Cut(text, ".")
	p.protocol = protocol
	p.number, err = strconv.ParseUint(number, 10, 64)
	if !cut || err != nil {
		return p, errUnknownCursor
	}
	return p, nil
}
