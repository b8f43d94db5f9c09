package ingest

import "context"

// Authorizer decides which actions a client of a server may perform. Each server gets one in ServerDeps. A nil
// Authorizer permits every action: a server calls the function Authorize, which accepts nil.
type Authorizer interface {
	// Authorize returns nil if the client may perform the requested action, and otherwise an error for the log. The
	// server does not send that error to the client. A call may take long, because it hashes passwords. ctx ends
	// when the client closes the connection.
	Authorize(ctx context.Context, r AccessRequest) error
}

// AccessRequest is the request of a client to perform an action on a stream.
type AccessRequest struct {
	Protocol    string // name under which the protocol is registered, such as rtsp
	Action      Action
	Path        string // path of the stream
	Remote      string // host:port of the client
	Credentials Credentials
}

// Action is an action of a client on a stream.
type Action string

// The actions.
const (
	ActionPublish Action = "publish"
	ActionPlay    Action = "play"
)

// Credentials holds the credentials that a client sent. The zero value means that it sent none.
type Credentials struct {
	Name     string
	Password string
	Digest   *Digest // nil: the client sent the password itself
}

// Digest is the response to a challenge of digest authentication, by which a client proves that it knows the
// password (RFC 7616, 3.4). Each string is as the client wrote it. Before it calls the Authorizer, the server checks
// that Nonce belongs to its challenge and URI to the request. QOP, Count and ClientNonce are empty for a client of the
// older RFC 2069.
type Digest struct {
	SHA256                  bool // the algorithm is SHA-256; else it is MD5
	Name, Realm, Nonce      string
	Method, URI             string
	QOP, Count, ClientNonce string
	Hash                    string // the response, hexadecimal digits
}

// DigestAuthorizer is an Authorizer that can check a Digest. Digests returns the algorithms that it can check.
type DigestAuthorizer interface {
	Authorizer
	Digests() Digests
}

// Digests lists the digest algorithms for which an Authorizer has the users' digests.
type Digests struct {
	Realm       string
	MD5, SHA256 bool // every user whose digest is known has one of this algorithm
	All         bool // the digest of every user is known
}

// DigestsOf returns the algorithms that a server may offer to a client, or the zero value if the Authorizer does
// not check digests.
func DigestsOf(a Authorizer) Digests {
	if d, is := a.(DigestAuthorizer); is {
		return d.Digests()
	}
	return Digests{}
}

// Authorize returns the name of the user whose request the Authorizer a permits, or else the error of a. If a is nil,
// Authorize permits the request and returns an empty name, because no credentials were checked.
func Authorize(ctx context.Context, a Authorizer, r AccessRequest) (name string, err error) {
	if a == nil {
		return "", nil
	}
	if err := a.Authorize(ctx, r); err != nil {
		return "", err
	}
	return r.Credentials.Name, nil
}
