// AdminPage+Detail.swift
//
// The page's script: what became of a session or a mail, and why; the dialogs.

extension AdminPage {
    /// Detail, search and the other dialogs.
    static let detailScript = #"""

        // --- One session ---

        const detail = { id: null, shown: '' };

        function openSession(id) {
          Object.assign(detail, { id, shown: '' });
          set($('detail-title'), 'Session ' + clean(id));
          $('detail-body').replaceChildren(el('p', 'quiet', 'asking …'));
          if (!$('detail').open) $('detail').showModal();
          detailPoller.start();
        }

        /** Reads the open session again and again while it is live. */
        const detailPoller = new Poller(2, async (signal) => {
          if (!detail.id) return detailPoller.stop();
          const found = await get('sessions/' + encodeURIComponent(detail.id), {}, signal);
          showDetail(found);
          if (found.session.state !== 'live') detailPoller.stop();
        }, (error) => {
          if (!error) return;
          const text = error.status === 404 ? 'Nothing is known of it any more.' : clean(error.message);
          $('detail-body').replaceChildren(el('p', 'error', text));
          if (error.status === 404) detailPoller.stop();
        });

        $('detail').addEventListener('close', () => {
          detail.id = null;
          detailPoller.stop();
        });

        function showDetail(found) {
          const text = JSON.stringify(found);
          const body = $('detail-body');
          const isMarked = String(getSelection()) && body.contains(getSelection().anchorNode);
          if (text === detail.shown || (detail.shown && isMarked)) return;
          detail.shown = text;
          const aside = body.querySelector('.scroll')?.scrollLeft ?? 0;
          body.replaceChildren(decisionBox(found), factsOf(found.session), ...mailsOf(found), ...trailOf(found));
          body.querySelectorAll('.scroll').forEach((box) => { box.scrollLeft = aside; });
        }

        const tone = (verdict) => /^DENYSOFT/i.test(verdict) ? 'warn' : /^DENY/i.test(verdict) ? 'bad'
          : /^(OK|DONE)/i.test(verdict) ? 'good' : '';

        function decisionBox({ decision, last_hook: lastHook }) {
          if (!decision) {
            return el('p', 'decision', 'Nobody has refused anything, and nothing was queued.'
              + (lastHook ? ' The last hook was ' + clean(lastHook) + '.' : ''));
          }
          const parts = [el('strong', tone(decision.verdict), clean(decision.verdict)), ' by ',
            el('strong', '', clean(decision.plugin)), ' at ', el('strong', '', clean(decision.hook))];
          if (decision.via) parts.push(', carried out by ' + clean(decision.via));
          if (decision.transaction) parts.push(', mail ' + decision.transaction);
          if (decision.text || decision.status) {
            parts.push(el('br'), clean([decision.status, decision.text].filter(Boolean).join(' '), 1000));
          }
          return el('p', 'decision ' + tone(decision.verdict), ...parts);
        }

        function factsOf(row) {
          const facts = [
            ['peer', row.peer && row.peer + ' ' + (row.peer_port || '')], ['host', row.remote_host],
            ['listener', row.listener], ['HELO', row.helo], ['TLS', row.tls], ['user', row.user],
            ['state', row.state === 'live' ? 'live, ' + row.phase : row.state], ['started', moment(row.started_at)],
            [row.state === 'live' ? 'age' : 'lived', age(row.age)], ['closed by', row.by],
            ['running', running(row)[0]], ['messages', row.messages], ['received', octets(row.octets)],
            ['refusal', row.code && row.code + ' ' + (row.reason ?? '')], ['decided by', row.decided_by],
            ['configuration', row.generation],
            ...Object.entries(row.notes ?? {}).map(([name, value]) => ['note ' + name, value]),
          ].filter(([, value]) => value !== undefined && value !== null && value !== '');
          return el('dl', 'facts', ...facts.map(([name, value]) =>
            el('div', '', el('dt', '', clean(name)), el('dd', '', clean(value, 1000)))));
        }

        function tableOf(label, captions, rows) {
          const head = captions.map(([caption, kind]) => {
            const cell = el('th', kind ?? '', caption);
            cell.scope = 'col';
            return cell;
          });
          const table = el('table', '', el('thead', '', el('tr', '', ...head)), el('tbody', '', ...rows));
          const box = el('div', 'scroll', table);
          Object.assign(box, { tabIndex: 0, role: 'region', ariaLabel: label });
          return box;
        }

        const RESULT = { queued: 'good', rejected: 'bad', deferred: 'warn' };

        function mailsOf({ transactions }) {
          if (!transactions?.length) return [];
          const rows = transactions.map((mail) => {
            const known = (mail.recipients ?? []).map((to) => to.address + ' ' + to.code);
            const more = mail.recipient_count - known.length;
            const answer = [mail.code, mail.text].filter(Boolean).join(' ');
            return el('tr', '', el('td', 'mono', clean(mail.id)),
              el('td', RESULT[mail.result] ?? 'off', clean(mail.result)),
              el('td', 'text', clean(sender(mail))),
              el('td', 'text', clean(known.join(', '), 2000) + (more > 0 ? ' and ' + more + ' more' : '')),
              el('td', 'number', mail.size ? octets(mail.size) : ''), el('td', 'text', clean(answer, 1000)),
              el('td', 'text', clean(mail.message_id)));
          });
          return [el('h3', '', 'Mails'), tableOf('Mails',
            [['id'], ['result'], ['sender'], ['recipients'], ['size', 'number'], ['answer'], ['Message-ID']], rows)];
        }

        function trailOf({ trail, decision, dropped }) {
          const isDecision = (run) => decision
            && ['hook', 'plugin', 'verdict', 'transaction'].every((name) => run[name] === decision[name]);
          const last = trail.findLastIndex(isDecision);
          const rows = trail.map((run, index) => {
            const text = [run.status, run.text, (run.flags ?? []).length ? '(' + run.flags.join(', ') + ')' : '']
              .filter(Boolean).join(' ');
            const row = el('tr', [run.decided && 'decided', index === last && 'decision-row'].filter(Boolean).join(' '),
              el('td', 'number off', run.offset === undefined ? '' : duration(run.offset / 1e6)),
              el('td', 'number off', run.transaction || ''), el('td', '', clean(run.hook)),
              el('td', '', clean(run.plugin)),
              el('td', tone(run.verdict), clean(run.verdict)), el('td', 'text', clean(text, 1000)),
              el('td', 'number', whole.format(run.microseconds)));
            if (index === last) row.cells[4].append(el('span', 'hidden', ' (the decision)'));
            return row;
          });
          const title = el('h3', '', 'Trail ', el('small', '', trail.length + ' runs'
            + (dropped ? ', ' + whole.format(dropped) + ' more were not kept' : '')));
          return [title, tableOf('Trail', [['after', 'number'], ['mail', 'number'], ['hook'], ['plugin'], ['verdict'],
            ['text'], ['µs', 'number']], rows)];
        }

        // --- Finding a mail ---

        $('explain-open').addEventListener('click', () => {
          set($('explain-error'), '');
          $('explain').showModal();
          $('explain-text').select();
        });

        $('explain-form').addEventListener('submit', async (event) => {
          event.preventDefault();
          const value = $('explain-text').value.trim().replace(/^[<[]|[>\]]$/g, '');
          set($('explain-error'), 'asking …');
          try {
            const by = $('explain-by').value;
            const found = listed(await get('explain', { [by]: value }, AbortSignal.timeout(20000)), 'sessions');
            if (!found.length) return set($('explain-error'), 'Nothing is known of it.');
            $('explain').close();
            if (found.length === 1) return openSession(found[0].session.id);
            showFound(found, value);
          } catch (error) {
            noteFailure(error);
            set($('explain-error'), error.status === 404 ? 'Nothing is known of it.' : clean(error.message));
          }
        });

        function showFound(found, value) {
          detail.id = null;
          set($('detail-title'), found.length + ' sessions with ' + clean(value));
          const rows = found.map(({ session, decision }) => {
            const button = el('button', 'plain mono', clean(session.id));
            button.type = 'button';
            button.addEventListener('click', () => openSession(session.id));
            return el('tr', '', el('td', '', button), el('td', '', moment(session.started_at)),
              el('td', 'mono', clean(session.peer)), el('td', '', clean(sender(session))),
              el('td', 'text ' + (decision ? tone(decision.verdict) : ''),
                decision ? clean(decision.verdict + ' ' + decision.plugin + ' ' + decision.text) : ''));
          });
          const captions = [['ID'], ['started'], ['peer'], ['sender'], ['decision']];
          $('detail-body').replaceChildren(tableOf('Sessions', captions, rows));
          $('detail').showModal();
        }

        // --- Dialogs, token ---

        for (const dialog of document.querySelectorAll('dialog')) {
          dialog.addEventListener('click', (event) => {
            if (event.target === dialog || event.target.closest('[data-closes]')) dialog.close();
          });
        }

        function openToken() {
          $('token-text').value = '';
          $('token-keep').checked = sessionStorage.getItem('qpserver-token') !== null;
          set($('token-error'), '');
          $('token').showModal();
        }

        function useToken(text) {
          token = text;
          sessionStorage.removeItem('qpserver-token');
          if (token && $('token-keep').checked) sessionStorage.setItem('qpserver-token', token);
          $('token-text').value = '';
          $('token').close();
          set($('who'), '');
          set($('token-open'), token ? 'Token ✓' : 'Token');
          Object.assign(down, { isLocked: false, since: null });
          banner(null);
          stopAll();
          startAll();
        }

        $('token-open').addEventListener('click', openToken);
        $('token-forget').addEventListener('click', () => useToken(''));
        $('token-form').addEventListener('submit', (event) => {
          event.preventDefault();
          const text = $('token-text').value.trim();
          if (/^[\x21-\x7e]+$/.test(text)) useToken(text);
          else set($('token-error'), 'A token has letters, digits and signs, without blanks.');
        });
        if (token) set($('token-open'), 'Token ✓');

        """#
}
