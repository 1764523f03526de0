// AdminPage+Common.swift
//
// The page's script, first part: text and elements, requests, and what happens when the server does not answer.

extension AdminPage {
    /// Functions that the other parts use.
    static let commonScript = #"""

        const $ = (id) => document.getElementById(id);

        // Text from outside. Control characters, marks that turn the direction of writing, and characters without
        // width are spelled out, so that a line cannot pose as another.
        const ODD = new RegExp('[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f'
          + '\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]', 'g');
        const spelled = (mark) => '\\u{' + mark.codePointAt(0).toString(16) + '}';

        function clean(value, limit = 300) {
          const text = String(value ?? '').toWellFormed?.() ?? String(value ?? '');
          return (text.length > limit ? text.slice(0, limit) + '…' : text).replace(ODD, spelled);
        }

        /** An element; what is in it is text or elements, never markup. */
        function el(tag, className, ...content) {
          const element = document.createElement(tag);
          if (className) element.className = className;
          element.append(...content.filter((part) => part !== null && part !== undefined));
          return element;
        }

        function drawn(tag, attributes, text) {
          const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
          for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
          if (text !== undefined) element.textContent = text;
          return element;
        }

        function set(element, text) {
          if (element.textContent !== text) element.textContent = text;
        }

        const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
        const short = (number) => number < 10000 ? whole.format(number)
          : new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(number);
        const rate = (number) => number === 0 ? '0' : number < 9.95 ? number.toFixed(1) : short(number);

        function duration(seconds) {
          if (!Number.isFinite(seconds)) return '';
          if (seconds < 0.001) return Math.round(seconds * 1e6) + ' µs';
          if (seconds < 1) return (seconds * 1e3).toPrecision(seconds < 0.01 ? 2 : 3) + ' ms';
          if (seconds < 60) return seconds.toFixed(seconds < 10 ? 1 : 0) + ' s';
          const [d, h, m] = [seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60].map(Math.floor);
          if (d) return d + ' d ' + h + ' h';
          return h ? h + ' h ' + m + ' min' : m + ' min ' + Math.floor(seconds % 60) + ' s';
        }

        /** How long a session lives: in seconds at least, so that a column of them is quiet. */
        const age = (seconds) => seconds < 10 ? seconds.toFixed(1) + ' s' : duration(seconds);

        function octets(number) {
          const units = ['B', 'kB', 'MB', 'GB', 'TB'];
          let unit = 0;
          while (number >= 1000 && unit < 4) { number /= 1000; unit += 1; }
          return (unit && number < 10 ? number.toFixed(1) : Math.round(number)) + ' ' + units[unit];
        }

        const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
        const clockTime = (seconds) => clock.format(seconds * 1000);

        function moment(seconds) {
          const date = new Date(seconds * 1000);
          const isToday = date.toDateString() === new Date().toDateString();
          return (isToday ? '' : date.toLocaleDateString('en-CA') + ' ') + clockTime(seconds);
        }

        /** What the server answered, or that it did not (status 0). */
        class Failure extends Error {
          constructor(status, text, column) {
            super(text);
            Object.assign(this, { status, column });
          }
        }

        let token = sessionStorage.getItem('qpserver-token') ?? '';

        /** A request beneath /api/v1; the answer's head must come within 8 seconds. */
        async function request(path, parameters, signal, accept = 'application/json') {
          const patience = new AbortController();
          const timer = setTimeout(() => patience.abort(), 8000);
          const headers = { Accept: accept };
          if (token) headers.Authorization = 'Bearer ' + token;
          const query = new URLSearchParams(parameters).toString();
          let response;
          try {
            response = await fetch('api/v1/' + path + (query && '?' + query), {
              headers, signal: AbortSignal.any([signal, patience.signal]),
              cache: 'no-store', credentials: 'omit', redirect: 'error',
            });
          } catch (error) {
            throw signal.aborted ? error : new Failure(0, patience.signal.aborted ? 'nothing within 8 s' : 'no answer');
          } finally {
            clearTimeout(timer);
          }
          if (response.ok) return response;
          const problem = await response.json().catch(() => ({}));
          const text = problem.detail ?? problem.title ?? 'status ' + response.status;
          throw new Failure(response.status, text, problem.column);
        }

        async function get(path, parameters, signal) {
          const response = await request(path, parameters, AbortSignal.any([signal, AbortSignal.timeout(15000)]));
          try {
            return await response.json();
          } catch (error) {
            throw signal.aborted ? error : new Failure(0, 'an answer broke off');
          }
        }

        /** A list, alone or as a member of an answer. */
        const listed = (answer, name) => Array.isArray(answer) ? answer : answer[name] ?? [];

        // --- Work that repeats ---

        const pollers = [];
        const isAway = () => document.hidden || down.since !== null || down.isLocked;

        /** Does work again and again, one after the other; pauses while nobody looks or nobody answers. */
        class Poller {
          failures = 0;
          constructor(seconds, work, failed) {
            Object.assign(this, { seconds, work, failed });
            pollers.push(this);
          }
          stop() {
            clearTimeout(this.timer);
            this.abort?.abort();
            this.abort = null;
          }
          start() {
            this.stop();
            if (!isAway()) this.turn();
          }
          async turn() {
            const abort = this.abort = new AbortController();
            let pause = typeof this.seconds === 'function' ? this.seconds() : this.seconds;
            try {
              await this.work(abort.signal);
              if (this.abort !== abort) return;
              this.failures = 0;
              this.failed?.(null);
            } catch (error) {
              if (this.abort !== abort || !noteFailure(error)) return;
              this.failed?.(error);
              pause = Math.min(30, Math.max(1, pause) * 2 ** ++this.failures);
            }
            this.timer = setTimeout(() => this.turn(), pause * 1000);
          }
        }

        // --- The server goes away and comes back ---

        const down = { since: null, isLocked: false, tries: 0, timer: 0 };

        function link(text, className) {
          set($('link'), text);
          $('link').className = 'link ' + className;
        }

        function banner(text, button) {
          $('banner').hidden = !text;
          set($('banner-text'), text ?? '');
          set($('banner-button'), button ?? '');
        }

        function stopAll() {
          pollers.forEach((poller) => poller.stop());
          clearTimeout(down.timer);
        }

        function startAll() {
          document.body.classList.remove('stale');
          pollers.forEach((poller) => poller.start());
        }

        /** Whether the work may go on by itself: not if the whole server is away, or wants a token. */
        function noteFailure(error) {
          if (!(error instanceof Failure)) {
            console.error(error);
            return true;
          }
          if (error.status === 401) {
            stopAll();
            down.isLocked = true;
            link('locked', 'bad');
            banner(token ? 'The server does not know this token.' : 'The server wants a token.', 'Enter a token');
            return false;
          }
          if (error.status !== 0 && (error.status < 502 || error.status > 504)) return true;
          if (down.since === null) {
            stopAll();
            Object.assign(down, { since: Date.now() / 1000, tries: 0 });
            document.body.classList.add('stale');
            link('no answer', 'bad');
            tryLater(error.message);
          }
          return false;
        }

        function tryLater(reason) {
          clearTimeout(down.timer);
          const pause = Math.min(30, 2 ** down.tries) * (0.8 + Math.random() * 0.4);
          down.tries += 1;
          banner('The server does not answer since ' + clockTime(down.since) + ' (' + clean(reason) + '). Next try in '
            + Math.max(1, Math.round(pause)) + ' s.', 'Try now');
          down.timer = setTimeout(tryNow, pause * 1000);
        }

        async function tryNow() {
          clearTimeout(down.timer);
          if (document.hidden) return;
          try {
            await get('overview', {}, new AbortController().signal);
          } catch (error) {
            if (error.status === 0 || error.status >= 502) return tryLater(error.message);
          }
          if (down.since === null) return;
          down.since = null;
          banner(null);
          startAll();
        }

        $('banner-button').addEventListener('click', () => down.isLocked ? openToken() : tryNow());

        document.addEventListener('visibilitychange', () => {
          if (document.hidden) stopAll();
          else if (down.since !== null) tryNow();
          else startAll();
        });

        """#
}
