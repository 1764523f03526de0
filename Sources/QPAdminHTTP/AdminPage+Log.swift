// AdminPage+Log.swift
//
// The page's script, last part: the log, the keys, the start.

extension AdminPage {
    /// Log, keys and start.
    static let logScript = #"""

        // --- Log ---

        const KEPT = 500;
        const log = { after: null, waiting: [], passed: 0, lost: 0, isPaused: false, isAtEnd: true, isDrawing: false };

        /** Reads server-sent events until the stream ends. */
        async function readEvents(response, handle) {
          const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
          let [rest, kind, data] = ['', '', []];
          let silence = 0;
          try {
            for (;;) {
              silence = setTimeout(() => reader.cancel().catch(() => {}), 45000);
              const { done, value } = await reader.read();
              clearTimeout(silence);
              if (done) return;
              const lines = (rest + value).split('\n');
              rest = lines.pop();
              if (rest.length > 1e6) throw new Failure(500, 'a line of the stream is too long');
              for (const line of lines.map((text) => text.replace(/\r$/, ''))) {
                if (line === '') {
                  if (data.length) handle(kind, JSON.parse(data.join('\n')));
                  [kind, data] = ['', []];
                } else if (line.startsWith('event:')) kind = line.slice(6).trim();
                else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
              }
            }
          } finally {
            clearTimeout(silence);
            reader.cancel().catch(() => {});
          }
        }

        const logPoller = new Poller(1, async (signal) => {
          const wish = {};
          for (const name of ['level', 'plugin', 'query']) {
            const value = $('log-' + name).value.trim();
            if (value) wish[name] = value;
          }
          if (log.after === null) wish.backlog = 100;
          else wish.after = log.after;
          const response = await request('logs', wish, signal, 'text/event-stream');
          showQueryError($('log-query'), null);
          logPoller.failures = 0;
          try {
            await readEvents(response, (kind, row) => {
              if (signal.aborted) return;
              if (kind === 'lost') log.lost += row.lost;
              else log.after = row.sequence;
              log.waiting.push(row);
              if (log.waiting.length > KEPT) log.passed += log.waiting.splice(0, log.waiting.length - KEPT).length;
              drawLater();
            });
          } catch (error) {
            throw signal.aborted || error instanceof Failure ? error : new Failure(500, 'the stream broke off');
          }
        }, (error) => showQueryError($('log-query'), error));

        function drawLater() {
          if (log.isDrawing) return;
          log.isDrawing = true;
          requestAnimationFrame(() => {
            log.isDrawing = false;
            if (!log.isPaused) drawLines();
            noteLog();
          });
        }

        function noteLog() {
          const parts = [];
          if (log.isPaused) parts.push('paused, ' + whole.format(log.waiting.length + log.passed) + ' new');
          if (log.lost) parts.push(whole.format(log.lost) + ' lost');
          set($('log-note'), parts.join('; '));
        }

        function drawLines() {
          const list = $('log-lines');
          const parts = log.waiting.splice(0).map((row) => row.text !== undefined ? logLine(row)
            : el('li', 'lost', whole.format(row.lost) + ' lines lost: this page was too slow, or away too long'));
          if (log.passed) {
            parts.unshift(el('li', 'lost', whole.format(log.passed) + ' lines passed by; the page keeps ' + KEPT));
            log.passed = 0;
          }
          list.append(...parts);
          while (list.childElementCount > KEPT) list.firstElementChild.remove();
          if (log.isAtEnd) toEnd();
          else $('log-newest').hidden = false;
        }

        function toEnd() {
          $('log-box').scrollTop = $('log-box').scrollHeight;
          $('log-newest').hidden = true;
        }

        const LEVELS = { LOGWARN: 'warn', LOGERROR: 'bad', LOGCRIT: 'bad', LOGALERT: 'bad', LOGEMERG: 'bad' };

        function logLine(row) {
          const time = el('time', '', clockTime(row.time) + (row.time % 1).toFixed(3).slice(1));
          time.dateTime = new Date(row.time * 1000).toISOString();
          const level = clean(row.level).replace(/^LOG/, '').toLowerCase().padEnd(6);
          const line = el('li', '', time, ' ', el('span', LEVELS[row.level] ?? 'quiet', level), ' ');
          if (row.session) {
            const button = el('button', 'plain', clean(row.session) + (row.transaction ? '.' + row.transaction : ''));
            Object.assign(button, { type: 'button', tabIndex: -1, title: 'What became of it' });
            button.dataset.session = row.session;
            line.append(button, ' ');
          }
          if (row.plugin) {
            const plugin = el('span', 'plugin-name', clean(row.plugin));
            line.append(plugin, row.hook ? el('span', 'quiet', ' ' + clean(row.hook)) : '', ' ');
          }
          line.append(clean(row.text, 2000));
          const fields = Object.entries(row.fields ?? {}).map(([name, value]) => ' ' + name + '=' + value);
          if (fields.length) line.append(el('span', 'fields', clean(fields.join(''), 1000)));
          return line;
        }

        function restartLog() {
          Object.assign(log, { after: null, waiting: [], passed: 0, lost: 0, isAtEnd: true });
          $('log-lines').replaceChildren();
          $('log-newest').hidden = true;
          noteLog();
          logPoller.start();
        }

        /** Lines are counted anew after a restart. */
        function serverRestarted() {
          log.after = null;
          log.waiting.push({ time: Date.now() / 1000, level: 'LOGNOTICE', text: 'the server was started again' });
          logPoller.start();
        }

        function pause() {
          log.isPaused = !log.isPaused;
          $('log-pause').setAttribute('aria-pressed', String(log.isPaused));
          set($('log-pause'), log.isPaused ? 'Go on' : 'Pause');
          drawLater();
        }

        $('log-pause').addEventListener('click', pause);
        $('log-newest').addEventListener('click', () => {
          log.isAtEnd = true;
          toEnd();
          $('log-box').focus();
        });
        $('log-box').addEventListener('scroll', ({ target }) => {
          log.isAtEnd = target.scrollHeight - target.scrollTop - target.clientHeight < 30;
          if (log.isAtEnd) $('log-newest').hidden = true;
        });
        new ResizeObserver(() => { if (log.isAtEnd) toEnd(); }).observe($('log-box'));
        $('log-lines').addEventListener('click', ({ target }) => {
          if (target.dataset.session) openSession(target.dataset.session);
        });
        let filters = '';
        function filterLog() {
          const now = JSON.stringify(['level', 'plugin', 'query'].map((name) => $('log-' + name).value.trim()));
          if (now === filters) return;
          filters = now;
          restartLog();
        }
        $('log-level').addEventListener('change', filterLog);
        onTyped($('log-plugin'), filterLog);
        onTyped($('log-query'), filterLog);

        new Poller(60, async (signal) => {
          const names = listed(await get('plugins', {}, signal), 'plugins').map((plugin) => plugin.name);
          if (names.join('\n') === $('plugin-names').dataset.names) return;
          $('plugin-names').dataset.names = names.join('\n');
          $('plugin-names').replaceChildren(...[...new Set(names)].map((name) => {
            const option = el('option', '');
            option.value = clean(name);
            return option;
          }));
        });

        // --- Keys ---

        const SECTIONS = ['rates', 'sessions', 'hooks', 'log'];

        function go(section) {
          $(section).scrollIntoView({ block: 'nearest' });
          $(section).focus({ preventScroll: true });
        }

        const KEYS = {
          '/': () => ($('log').contains(document.activeElement) ? $('log-query') : $('query')).focus(),
          '?': () => $('help').showModal(),
          p: pause,
        };

        document.addEventListener('keydown', (event) => {
          if (event.ctrlKey || event.metaKey || event.altKey || !$('keys-on').checked) return;
          if (event.target.closest('input:not([type="radio"], [type="checkbox"]), select, textarea, dialog')) return;
          const act = KEYS[event.key] ?? (SECTIONS[event.key - 1] && (() => go(SECTIONS[event.key - 1])));
          if (!act) return;
          event.preventDefault();
          act();
        });

        $('help-open').addEventListener('click', () => $('help').showModal());

        startAll();

        """#
}
