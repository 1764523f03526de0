// AdminPage+Sessions.swift
//
// The page's script: tables, the sessions, the hooks.

extension AdminPage {
    /// Tables of sessions and hooks.
    static let sessionsScript = #"""

        // --- Tables ---

        /** A table whose rows stay the same elements while their values change, so that focus and selection stay. */
        class Table {
          constructor(id, columns, sort, sorted, opens) {
            const table = $(id);
            Object.assign(this, { head: table.tHead, body: table.tBodies[0], sort, sorted, opens });
            if (opens) {
              this.body.classList.add('opens');
              this.body.addEventListener('click', (event) => this.open(event.target));
              this.body.addEventListener('keydown', (event) => this.key(event));
              this.body.addEventListener('focusin', (event) => this.rove(event.target.closest('tr')));
            }
            this.columns(columns);
          }

          /** Columns: caption, what it sorts by, kind, cell (text, or text, class and title). */
          columns(columns) {
            this.shown = columns;
            this.body.replaceChildren();
            this.head.replaceChildren(el('tr', '', ...columns.map((column) => {
              const button = el('button', '', column.caption);
              button.type = 'button';
              button.addEventListener('click', () => this.turn(column));
              const cell = el('th', column.kind ?? '', column.by ? button : el('span', '', column.caption));
              cell.scope = 'col';
              cell.dataset.by = column.by ?? '';
              return cell;
            })));
            this.mark();
          }

          turn({ by, kind }) {
            const isLargestFirst = kind === 'number' || by === 'running' || by === 'started';
            this.sort = { by, isDescending: this.sort.by === by ? !this.sort.isDescending : isLargestFirst };
            this.mark();
            this.sorted();
          }

          mark() {
            for (const cell of this.head.rows[0].cells) {
              if (cell.dataset.by && cell.dataset.by === this.sort.by) {
                cell.setAttribute('aria-sort', this.sort.isDescending ? 'descending' : 'ascending');
              } else cell.removeAttribute('aria-sort');
            }
          }

          show(items, keyOf) {
            const focused = this.body.contains(document.activeElement) ? document.activeElement.closest('tr') : null;
            const place = focused ? [...this.body.rows].indexOf(focused) : 0;
            const wanted = new Set(items.map(keyOf));
            const rows = new Map();
            for (const row of [...this.body.rows]) {
              if (wanted.has(row.dataset.key)) rows.set(row.dataset.key, row);
              else row.remove();
            }
            let next = this.body.firstElementChild;
            for (const item of items) {
              const row = rows.get(keyOf(item)) ?? this.row(keyOf(item));
              this.shown.forEach((column, index) => this.fill(row.cells[index], column.cell(item)));
              if (row === next) next = next.nextElementSibling;
              else this.body.insertBefore(row, next);
            }
            if (!this.opens) return;
            const row = focused?.isConnected ? focused : this.body.rows[Math.min(place, this.body.rows.length - 1)];
            if (!this.body.querySelector('tr[tabindex="0"]') && row) row.tabIndex = 0;
            if (focused && document.activeElement?.closest('tr') !== focused) {
              (row ?? this.body.closest('.box')).focus({ preventScroll: true });
            }
          }

          row(key) {
            const row = el('tr', '', ...this.shown.map((column) => el('td', column.kind ?? '')));
            row.dataset.key = key;
            if (this.opens) {
              row.tabIndex = -1;
              const button = el('button', 'plain mono');
              Object.assign(button, { type: 'button', tabIndex: -1 });
              row.cells[0].append(button);
            }
            return row;
          }

          fill(cell, value) {
            const [text, className, title] = Array.isArray(value) ? value : [value];
            set(cell.querySelector('button') ?? cell, clean(text));
            const classes = ((this.shown[cell.cellIndex].kind ?? '') + ' ' + (className ?? '')).trim();
            if (cell.className !== classes) cell.className = classes;
            const tip = clean(title ?? text, 1000);
            if (cell.title !== tip) cell.title = tip;
          }

          open(target) {
            const row = target.closest('tr');
            if (row && !String(getSelection())) this.opens(row.dataset.key);
          }

          rove(row) {
            this.body.querySelectorAll('tr[tabindex="0"]').forEach((other) => { other.tabIndex = -1; });
            if (row) row.tabIndex = 0;
          }

          key(event) {
            const row = event.target.closest('tr');
            if (event.key === 'Enter' || event.key === ' ') {
              event.preventDefault();
              return this.opens(row.dataset.key);
            }
            const goal = {
              ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling,
              Home: this.body.firstElementChild, End: this.body.lastElementChild,
            }[event.key];
            if (goal === undefined) return;
            event.preventDefault();
            goal?.focus();
          }
        }

        /** Shows what is wrong with a query, and where. */
        function showQueryError(input, error) {
          const place = $(input.getAttribute('aria-describedby'));
          if (!error) {
            input.removeAttribute('aria-invalid');
            return set(place, '');
          }
          const isQuery = error.column !== undefined;
          if (isQuery) input.setAttribute('aria-invalid', 'true');
          const text = clean(error.message, 500);
          const says = isQuery && !/^column \d/i.test(text) ? 'column ' + error.column + ': ' + text : text;
          if (place.dataset.says === says && place.textContent) return;
          place.dataset.says = says;
          place.replaceChildren(says);
          if (!isQuery) return;
          const marks = 'Segmenter' in Intl
            ? [...new Intl.Segmenter().segment(input.value)].map((part) => part.segment) : [...input.value];
          const at = Math.min(Math.max(error.column - 1, 0), marks.length);
          place.append(el('code', '', clean(marks.slice(0, at).join(''), 1100),
            el('mark', '', clean(marks[at] ?? ' ')), clean(marks.slice(at + 1).join(''), 1100)));
        }

        /** Calls when typing has paused, or at Enter. */
        function onTyped(input, act) {
          let timer = 0;
          const later = (pause) => {
            clearTimeout(timer);
            timer = setTimeout(act, pause);
          };
          input.addEventListener('input', () => later(400));
          input.addEventListener('change', () => later(0));
          input.addEventListener('keydown', (event) => { if (event.key === 'Enter') later(0); });
        }

        // --- Sessions ---

        const sender = (row) => row.sender === undefined ? '' : row.sender || '<>';
        const running = (row) => row.plugin === undefined ? ['']
          : [row.plugin + ' · ' + (row.hook ?? '') + ' ' + duration(row.running), row.running > 5 ? 'warn' : ''];

        function outcome(row) {
          if (row.code === undefined) return [row.messages ? 'queued ' + row.messages : '', 'good'];
          const by = row.decided_by ? ' · ' + row.decided_by : '';
          return [row.code + ' ' + (row.reason ?? '') + by, row.code >= 500 ? 'bad' : 'warn'];
        }

        const FIRST = [
          { caption: 'ID', cell: (row) => row.id },
          { caption: 'Peer', by: 'peer', kind: 'mono',
            cell: (row) => [row.peer, '', row.peer + ' ' + row.peer_port + ' ' + (row.remote_host ?? '')] },
          { caption: 'HELO', by: 'helo', cell: (row) => row.helo ?? '' },
        ];
        const MIDDLE = [
          { caption: 'Sender', by: 'sender', cell: sender },
          { caption: 'Rcpts', by: 'rcpts', kind: 'number',
            cell: (row) => [row.recipient_count || '', '', (row.recipients ?? []).join(', ')] },
        ];
        const LIVE = [...FIRST, { caption: 'Phase', by: 'phase', cell: (row) => row.phase }, ...MIDDLE,
          { caption: 'Running', by: 'running', kind: 'long', cell: running },
          { caption: 'Age', by: 'age', kind: 'number', cell: (row) => age(row.age) }];
        const OVER = [{ ...FIRST[0] }, { caption: 'Started', by: 'started', cell: (row) => moment(row.started_at) },
          ...FIRST.slice(1), ...MIDDLE, { caption: 'Outcome', kind: 'long', cell: outcome },
          { caption: 'Closed by', cell: (row) => row.by ?? '' },
          { caption: 'Lived', by: 'age', kind: 'number', cell: (row) => age(row.age) }];

        const NOBODY = {
          live: 'Nobody is connected.', ended: 'No session has ended yet.', refused: 'Nobody was refused.',
        };
        const sessions = { state: 'live', limit: 50 };
        const newestFirst = () => sessions.state === 'live' ? { by: 'age', isDescending: false }
          : { by: 'started', isDescending: true };
        const sessionsTable = new Table('sessions-table', LIVE, newestFirst(), () => sessionsPoller.start(),
          openSession);

        function showSessions(page) {
          sessionsTable.show(page.sessions, (row) => row.id);
          const count = page.sessions.length;
          const parts = [page.total === undefined ? whole.format(count) : whole.format(count) + ' of '
            + whole.format(page.total)];
          if (page.missing_loops?.length) parts.push('loops that do not answer: ' + page.missing_loops.join(', '));
          set($('sessions-note'), parts.join('; '));
          $('sessions-more').hidden = page.next === undefined || sessions.limit >= 1000;
          $('sessions-empty').hidden = count > 0;
          const isFiltered = $('query').value.trim() !== '';
          set($('sessions-empty'), isFiltered ? 'No session here matches the query.' : NOBODY[sessions.state]);
        }

        const sessionsPoller = new Poller(() => sessions.state === 'live' ? 1 : 3, async (signal) => {
          const wish = { state: sessions.state, limit: sessions.limit, sort: sessionsTable.sort.by,
            order: sessionsTable.sort.isDescending ? 'desc' : 'asc' };
          const query = $('query').value.trim();
          if (query) wish.query = query;
          showSessions(await get('sessions', wish, signal));
        }, (error) => showQueryError($('query'), error));

        for (const choice of document.querySelectorAll('input[name="state"]')) {
          choice.checked = choice.value === 'live';
          choice.addEventListener('change', () => {
            Object.assign(sessions, { state: choice.value, limit: 50 });
            sessionsTable.sort = newestFirst();
            sessionsTable.columns(choice.value === 'live' ? LIVE : OVER);
            set($('sessions-note'), '');
            sessionsPoller.start();
          });
        }
        onTyped($('query'), () => sessionsPoller.start());
        $('sessions-more').addEventListener('click', () => {
          sessions.limit = Math.min(1000, sessions.limit * 4);
          sessionsPoller.start();
        });

        // --- Hooks ---

        const verdicts = (row, ...names) => names.reduce((sum, name) => sum + (row.verdicts[name] ?? 0), 0);
        const count = (value, className) => value ? [short(value), className, whole.format(value)] : ['·', 'off', '0'];
        const HOOK_VALUES = {
          plugin: (row) => row.plugin, hook: (row) => row.hook, runs: (row) => row.runs,
          ok: (row) => verdicts(row, 'ok', 'done'), deny: (row) => verdicts(row, 'deny', 'deny_disconnect'),
          soft: (row) => verdicts(row, 'denysoft', 'denysoft_disconnect'), declined: (row) => verdicts(row, 'declined'),
          errors: (row) => row.errors + row.timeouts, p95: (row) => row.p95 ?? -1,
        };
        const counts = (by, className) => ({ caption: by, by, kind: 'number',
          cell: (row) => count(HOOK_VALUES[by](row), className) });
        const hooksTable = new Table('hooks-table', [
          { caption: 'plugin', by: 'plugin', cell: (row) => row.configured ? row.plugin
            : [row.plugin, 'off', row.plugin + ' (not in the running configuration)'] },
          { caption: 'hook', by: 'hook', cell: (row) => row.hook },
          counts('runs'), counts('ok', 'good'), counts('deny', 'bad'), counts('soft', 'warn'), counts('declined'),
          counts('errors', 'bad'),
          { caption: 'p95', by: 'p95', kind: 'number',
            cell: (row) => row.p95 === undefined ? ['·', 'off'] : [duration(row.p95), row.p95 >= 1 ? 'warn' : '',
              'p50 ' + duration(row.p50) + ', p95 ' + duration(row.p95) + ', p99 ' + duration(row.p99)] },
        ], { by: 'runs', isDescending: true }, () => showHooks());
        let hooks = [];

        function showHooks() {
          const { by, isDescending } = hooksTable.sort;
          const value = HOOK_VALUES[by];
          const shown = hooks.filter((row) => row.runs > 0 || !$('hooks-zero').checked);
          shown.sort((left, right) => {
            const [a, b] = [value(left), value(right)];
            const order = a < b ? -1 : a > b ? 1 : 0;
            return (isDescending ? -order : order) || left.plugin.localeCompare(right.plugin)
              || left.hook.localeCompare(right.hook);
          });
          hooksTable.show(shown, (row) => row.plugin + '\n' + row.hook);
          set($('hooks-note'), shown.length + ' of ' + hooks.length);
          $('hooks-empty').hidden = shown.length > 0;
          set($('hooks-empty'), hooks.length ? 'No plugin has run yet.' : 'No plugin is configured.');
        }

        new Poller(3, async (signal) => {
          hooks = listed(await get('hooks', {}, signal), 'hooks');
          showHooks();
        }, (error) => { if (error) set($('hooks-note'), clean(error.message)); });
        $('hooks-zero').addEventListener('change', showHooks);

        """#
}
